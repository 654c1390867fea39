#pragma once

#include <array>
#include <span>

#include "hrm/router.h"

namespace dormouse::hrm {

/// How a hybrid answer mixes the executor and memory, see RouterOptions.
struct Blend {
  float mixing = RouterOptions().mixing;
  float temperature = RouterOptions().temperature;
  bool operator==(const Blend&) const = default;
};

/// Learns mixing weight and temperature from labelled examples: the pair on a grid of 11 by 6 by which hybrid
/// answers have the least log loss. Every class weighs alike; of its examples, each as much as the executor
/// is unsure of it, since memory is asked only then. Deterministic; order matters to rounding alone.
class BlendFit {
 public:
  static constexpr std::array<float, 6> kTemperatures{0.05f, 0.1f, 0.2f, 0.4f, 0.8f, 1.6f};
  static constexpr std::size_t kMixings = 11;  ///< 0, 0.1 … 1

  /// `low`: the executor's probabilities; `truth` < low.size() (ensure()d). Without memory it says nothing.
  void add(std::span<const float> low, const Recollection& memory, std::size_t truth);
  /// The usual blend until there are 20 examples.
  Blend best() const;

 private:
  struct Class {
    std::size_t count = 0;
    std::array<double, kMixings * kTemperatures.size()> loss{};
  };
  std::vector<Class> classes_;
};

}  // namespace dormouse::hrm
