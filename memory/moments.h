#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace dormouse::memory {

/// Count, mean and scatter of vectors, without the vectors. In double, so the order of millions does not
/// show.
struct Moments {
  std::size_t count = 0;
  std::vector<double> mean{};
  double squares = 0;  ///< summed squared distances to the mean

  /// One more (Welford, 1962). Widths must agree (ensure()d), here and below.
  void add(std::span<const float> vector);
  /// All of another's (Chan, Golub and LeVeque, 1979).
  void add(const Moments& other);
  /// Takes one out that was added before; the last one leaves nothing.
  void remove(std::span<const float> vector);
  void remove(const Moments& part);

  std::vector<float> rounded_mean() const { return {mean.begin(), mean.end()}; }
  /// Root mean square distance to the mean; 0 of nothing.
  float spread() const;

  friend bool operator==(const Moments&, const Moments&) = default;
};

}  // namespace dormouse::memory
