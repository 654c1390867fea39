#pragma once

#include <cmath>
#include <cstdint>

/// exp, the logistic function and tanh without branches or calls, so that loops over them vectorise. Those of
/// floats are always inlined and call nothing: files compiled for one instruction set alone include this.
namespace dormouse::engine {

/// eˣ to 2 units in the last place. Arguments are clamped to where the result is a normal number.
[[gnu::always_inline]] inline float fast_exp(float x) {
  // eˣ = 2ⁿ·eʳ with n = round(x / ln 2); adding 1.5·2²³ rounds, and leaves n in the low bits.
  constexpr float kRound = 12582912.0f;
  x = x < -87.3f ? -87.3f : x;
  x = 88.3f < x ? 88.3f : x;
  const float rounded = x * 1.44269504f + kRound;
  const float n = rounded - kRound;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts
  // Cephes' expf: eʳ = 1 + r + r²·p(r) on |r| ≤ ln 2 / 2.
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const std::uint32_t exponent =
      __builtin_bit_cast(std::uint32_t, rounded) - __builtin_bit_cast(std::uint32_t, kRound) + 127;
  return (p * r * r + r + 1.0f) * __builtin_bit_cast(float, exponent << 23);
}
inline double fast_exp(double x) { return std::exp(x); }

[[gnu::always_inline]] inline float fast_logistic(float x) { return 1.0f / (1.0f + fast_exp(-x)); }
inline double fast_logistic(double x) { return 1 / (1 + std::exp(-x)); }

[[gnu::always_inline]] inline float fast_tanh(float x) {
  const float far = 1.0f - 2.0f / (fast_exp(2.0f * x) + 1.0f);  // cancels near 0: there the series
  const float s = x * x;
  const float near = x * (1.0f + s * (-1.0f / 3 + s * (2.0f / 15 + s * (-17.0f / 315 + s * (62.0f / 2835)))));
  return __builtin_fabsf(x) < 0.25f ? near : far;
}
inline double fast_tanh(double x) { return std::tanh(x); }

}  // namespace dormouse::engine
