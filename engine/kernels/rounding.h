#pragma once

#include <cmath>

/// Rounding without calls where a processor's base instructions know none, so that loops over floats
/// vectorise.
namespace dormouse::engine {

/// To the nearest whole number, halves to even, as the default rounding mode has it; the sign of 0 stays.
[[gnu::always_inline]] inline float round_even(float x) {
  constexpr float kWhole = 8388608.0f;  // from 2²³ on all floats are whole; adding it rounds
  const float a = std::fabs(x), rounded = (a + kWhole) - kWhole;
  return std::copysign(a < kWhole ? rounded : a, x);
}
inline double round_even(double x) { return std::nearbyint(x); }

[[gnu::always_inline]] inline float round_down(float x) {
  const float nearest = round_even(x);
  return nearest - (nearest > x ? 1.0f : 0.0f);
}
inline double round_down(double x) { return std::floor(x); }

[[gnu::always_inline]] inline float round_up(float x) {
  const float nearest = round_even(x);
  return std::copysign(nearest + (nearest < x ? 1.0f : 0.0f), x);
}
inline double round_up(double x) { return std::ceil(x); }

}  // namespace dormouse::engine
