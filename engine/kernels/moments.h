#pragma once

#include <cmath>
#include <cstddef>
#include <span>

namespace dormouse::engine {

/// Mean and 1/√(variance + epsilon) of a run of values.
template <class T>
struct Moments {
  T mean, inverse;
};

/// Σ f(value), in several partial sums, so that it vectorises and rounds less.
template <class T, class F>
T partial_sums(std::span<const T> values, F f) {
  constexpr std::size_t kPartials = 16;
  T partial[kPartials] = {};
  std::size_t i = 0;
  for (; i + kPartials <= values.size(); i += kPartials)
    for (std::size_t j = 0; j < kPartials; ++j) partial[j] += f(values[i + j]);
  for (; i < values.size(); ++i) partial[0] += f(values[i]);
  T sum = 0;
  for (const T value : partial) sum += value;
  return sum;
}

template <class T>
Moments<T> moments(std::span<const T> values, T epsilon) {
  const T count = static_cast<T>(values.size());
  const T mean = partial_sums(values, [](T value) { return value; }) / count;
  const T squares = partial_sums(values, [mean](T value) { return (value - mean) * (value - mean); });
  return {mean, T{1} / std::sqrt(squares / count + epsilon)};
}

}  // namespace dormouse::engine
