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

/// The same with as many taps for every output, so that loops over outputs are straight: tap k of output i is
/// at k · outputs + i. What an output has too few of weighs 0.
template <class T>
struct UniformTaps {
  std::size_t outputs, taps = 1;
  std::vector<std::int64_t> position;
  std::vector<T> weight;

  explicit UniformTaps(const Resampling& how) : outputs(how.begin.size() - 1) {
    for (std::size_t i = 0; i < outputs; ++i) taps = std::max(taps, how.begin[i + 1] - how.begin[i]);
    position.resize(taps * outputs, 0);
    weight.resize(taps * outputs, T{0});
    for (std::size_t i = 0; i < outputs; ++i) {
      const std::size_t first = how.begin[i], count = how.begin[i + 1] - first;
      for (std::size_t k = 0; k < taps; ++k) {
        const std::size_t at = k * outputs + i;
        if (count > 0) position[at] = how.position[first + std::min(k, count - 1)];
        if (k < count) weight[at] = static_cast<T>(how.weight[first + k]);
      }
    }
  }
};

/// One line of outputs from one line of inputs; `kTaps` 0 stands for any number.
template <std::size_t kTaps, class T>
void resample_line(const UniformTaps<T>& how, const T* x, T* y) {
  const std::size_t taps = kTaps == 0 ? how.taps : kTaps;
  const std::int64_t* const position = how.position.data();
  const T* const weight = how.weight.data();
  for (std::size_t i = 0; i < how.outputs; ++i) {
    T sum = 0;
    for (std::size_t k = 0; k < taps; ++k) {
      const std::size_t at = k * how.outputs + i;
      sum += weight[at] * x[position[at]];
    }
    y[i] = sum;
  }
}

/// Output i of [outputs, inner], each a weighted sum of rows of `inner` inputs.
template <std::size_t kTaps, class T>
void resample_row(const UniformTaps<T>& how, std::size_t i, std::int64_t inner, const T* x, T* y) {
  if constexpr (kTaps != 0) {
    const T* row[kTaps];
    T weight[kTaps];
    for (std::size_t k = 0; k < kTaps; ++k) {
      row[k] = x + how.position[k * how.outputs + i] * inner;
      weight[k] = how.weight[k * how.outputs + i];
    }
    for (std::int64_t j = 0; j < inner; ++j) {
      T sum = 0;
      for (std::size_t k = 0; k < kTaps; ++k) sum += weight[k] * row[k][j];
      y[j] = sum;
    }
  } else {
    std::fill_n(y, inner, T{0});
    for (std::size_t k = 0; k < how.taps; ++k) {
      const T* const row = x + how.position[k * how.outputs + i] * inner;
      const T weight = how.weight[k * how.outputs + i];
      for (std::int64_t j = 0; j < inner; ++j) y[j] += weight * row[j];
    }
  }
}

template <std::size_t kTaps, class T>
void resample_with(const UniformTaps<T>& how, std::int64_t outer, std::int64_t length, std::int64_t inner,
                   const T* x, T* y) {
  for (std::int64_t o = 0; o < outer; ++o, x += length * inner) {
    if (inner == 1) {
      resample_line<kTaps>(how, x, y);
      y += how.outputs;
      continue;
    }
    for (std::size_t i = 0; i < how.outputs; ++i, y += inner) resample_row<kTaps>(how, i, inner, x, y);
  }
}

/// y [outer, outputs, inner] = x [outer, length, inner] resampled along its middle axis.
template <class T>
void resample(const Resampling& how, std::int64_t outer, std::int64_t length, std::int64_t inner, const T* x,
              T* y) {
  const UniformTaps<T> taps(how);
  switch (taps.taps) {
    case 1:
      return resample_with<1>(taps, outer, length, inner, x, y);
    case 2:
      return resample_with<2>(taps, outer, length, inner, x, y);
    case 4:
      return resample_with<4>(taps, outer, length, inner, x, y);
    default:
      return resample_with<0>(taps, outer, length, inner, x, y);
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
