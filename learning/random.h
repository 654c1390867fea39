#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace dormouse::learning {

/// splitmix64: the same sequence on every platform, unlike the std distributions. A night is reproducible by
/// its seed.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  /// A Random of this state goes on as this one does.
  std::uint64_t state() const { return state_; }

  std::uint64_t bits();
  std::size_t below(std::size_t bound);  ///< in [0, bound), bound > 0
  double uniform();                      ///< in [0, 1)
  double normal();                       ///< Box–Muller

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::uint64_t state_;
};

}  // namespace dormouse::learning
