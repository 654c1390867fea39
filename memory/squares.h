#pragma once

#include <array>
#include <cstddef>
#include <numeric>

namespace dormouse::memory {

/// Σ gap(i)² for i < n, in eight sums that can be made side by side.
template <class Gap>
double sum_of_squares(std::size_t n, const Gap& gap) {
  constexpr std::size_t kLanes = 8;
  std::array<double, kLanes> sums{};
  std::size_t i = 0;
  const auto add = [&](std::size_t at, std::size_t lane) {
    const double value{gap(at)};
    sums[lane] += value * value;
  };
  for (; i + kLanes <= n; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) add(i + lane, lane);
  for (std::size_t lane = 0; i < n; ++i, ++lane) add(i, lane);
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace dormouse::memory
