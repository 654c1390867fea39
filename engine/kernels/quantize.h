#pragma once

#include <cstdint>
#include <limits>
#include <span>

namespace dormouse::engine {

/// The nearest integer, halves to even, for |x| < 2^22: adding 1.5 · 2^23 leaves a float no room for a
/// fraction. Vectorises everywhere, unlike std::nearbyint.
inline float round_half_even(float x) {
  constexpr float shift = 12582912.0f;
  return (x + shift) - shift;
}

/// round(x) + zero_point in Q, the nearest there is; NaN becomes the lowest.
template <class Q>
Q quantized(float x, std::int32_t zero_point) {
  static_assert(sizeof(Q) <= 2);
  const float low = static_cast<float>(std::numeric_limits<Q>::lowest() - zero_point),
              high = static_cast<float>(std::numeric_limits<Q>::max() - zero_point);
  // Clamped first, so that what is rounded is small.
  const float inside = x > low ? (x < high ? x : high) : low;
  return static_cast<Q>(static_cast<std::int32_t>(round_half_even(inside)) + zero_point);
}

}  // namespace dormouse::engine
