#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace dormouse::engine {

/// How one axis is resampled: output i is the sum of weight · input over the taps [begin[i], begin[i + 1]).
/// An output without taps lies outside of what is resampled.
struct Resampling {
  std::vector<std::size_t> begin{0};
  std::vector<std::int64_t> position = {};  ///< of the tap in the input, inside the axis
  std::vector<double> weight = {};

  std::int64_t outputs() const { return static_cast<std::int64_t>(begin.size()) - 1; }
  void add_tap(std::int64_t at, double by) {
    position.push_back(at);
    weight.push_back(by);
  }
  void end_output() { begin.push_back(position.size()); }

  /// Every output is the input of its place.
  bool is_identity(std::int64_t inputs) const {
    if (outputs() != inputs || position.size() != begin.size() - 1) return false;
    for (std::size_t i = 0; i < position.size(); ++i)
      if (begin[i] != i || position[i] != static_cast<std::int64_t>(i) || weight[i] != 1.0) return false;
    return true;
  }
};

/// y [outer, outputs, inner] = x [outer, length, inner] resampled along its middle axis.
template <class T>
void resample(const Resampling& how, std::int64_t outer, std::int64_t length, std::int64_t inner, const T* x,
              T* y) {
  for (std::int64_t o = 0; o < outer; ++o, x += length * inner) {
    for (std::size_t i = 0; i + 1 < how.begin.size(); ++i, y += inner) {
      if (inner == 1) {
        T sum = 0;
        for (std::size_t tap = how.begin[i]; tap < how.begin[i + 1]; ++tap)
          sum += static_cast<T>(how.weight[tap]) * x[how.position[tap]];
        *y = sum;
        continue;
      }
      std::fill_n(y, inner, T{0});
      for (std::size_t tap = how.begin[i]; tap < how.begin[i + 1]; ++tap) {
        const T weight = static_cast<T>(how.weight[tap]);
        const T* const line = x + how.position[tap] * inner;
        for (std::int64_t j = 0; j < inner; ++j) y[j] += weight * line[j];
      }
    }
  }
}

/// The transpose of resample(): each output's gradient dy goes back to its taps in dx, which is overwritten.
template <class T>
void resample_back(const Resampling& how, std::int64_t outer, std::int64_t length, std::int64_t inner,
                   const T* dy, T* dx) {
  std::fill_n(dx, outer * length * inner, T{0});
  for (std::int64_t o = 0; o < outer; ++o, dx += length * inner) {
    for (std::size_t i = 0; i + 1 < how.begin.size(); ++i, dy += inner) {
      for (std::size_t tap = how.begin[i]; tap < how.begin[i + 1]; ++tap) {
        const T weight = static_cast<T>(how.weight[tap]);
        T* const line = dx + how.position[tap] * inner;
        for (std::int64_t j = 0; j < inner; ++j) line[j] += weight * dy[j];
      }
    }
  }
}

}  // namespace dormouse::engine
