#pragma once

#include <cmath>
#include <cstdint>

/// exp, expm1, erf, the logistic function and tanh without branches or calls, so that loops over them
/// vectorise. Those of floats are always inlined and call nothing: files compiled for one instruction set
/// alone include this.
namespace dormouse::engine {

namespace exponential {

/// eˣ = 2ⁿ·eʳ with n = round(x / ln 2) and |r| ≤ ln 2 / 2.
struct Reduced {
  std::uint32_t n;  ///< modulo 2³²
  float r;
};
[[gnu::always_inline]] inline Reduced reduce(float x) {
  constexpr float kRound = 12582912.0f;  // adding 1.5·2²³ rounds, and leaves n in the low bits
  const float rounded = x * 1.44269504f + kRound;
  const float n = rounded - kRound;
  return {__builtin_bit_cast(std::uint32_t, rounded) - __builtin_bit_cast(std::uint32_t, kRound),
          (x - n * 0.693359375f) + n * 2.12194440e-4f};  // ln 2 in two parts
}

/// eʳ - 1, as Cephes' expf has it.
[[gnu::always_inline]] inline float less_one(float r) {
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return p * r * r + r;
}

[[gnu::always_inline]] inline float power_of_two(std::uint32_t n) {
  return __builtin_bit_cast(float, (n + 127) << 23);
}

}  // namespace exponential

/// eˣ to 2 units in the last place. Arguments are clamped to where the result is a normal number.
[[gnu::always_inline]] inline float fast_exp(float x) {
  x = x < -87.3f ? -87.3f : x;
  x = 88.3f < x ? 88.3f : x;
  const auto [n, r] = exponential::reduce(x);
  return (exponential::less_one(r) + 1.0f) * exponential::power_of_two(n);
}
inline double fast_exp(double x) { return std::exp(x); }

/// The same for all arguments: subnormal numbers, 0 and infinity where they belong.
[[gnu::always_inline]] inline float full_exp(float x) {
  x = x < -104.0f ? -104.0f : x;
  x = 89.0f < x ? 89.0f : x;
  const auto [n, r] = exponential::reduce(x);
  const std::uint32_t half = static_cast<std::uint32_t>(static_cast<std::int32_t>(n) >> 1);
  return (exponential::less_one(r) + 1.0f) * exponential::power_of_two(half) *
         exponential::power_of_two(n - half);
}

/// eˣ - 1 for x of at most 0, exact near 0 too.
[[gnu::always_inline]] inline float fast_expm1(float x) {
  x = x < -87.3f ? -87.3f : x;
  const auto [n, r] = exponential::reduce(x);
  const float scale = exponential::power_of_two(n);
  return exponential::less_one(r) * scale + (scale - 1.0f);
}
inline double fast_expm1(double x) { return std::expm1(x); }

[[gnu::always_inline]] inline float fast_logistic(float x) { return 1.0f / (1.0f + fast_exp(-x)); }
inline double fast_logistic(double x) { return 1 / (1 + std::exp(-x)); }

[[gnu::always_inline]] inline float fast_tanh(float x) {
  const float far = 1.0f - 2.0f / (fast_exp(2.0f * x) + 1.0f);  // cancels near 0: there the series
  const float s = x * x;
  const float near = x * (1.0f + s * (-1.0f / 3 + s * (2.0f / 15 + s * (-17.0f / 315 + s * (62.0f / 2835)))));
  return __builtin_fabsf(x) < 0.25f ? near : far;
}
inline double fast_tanh(double x) { return std::tanh(x); }

/// The error function to 2 units in the last place: near 0 the odd polynomial, further out 1 - e^-q, where q
/// fits -ln erfc. Minimax fits of ours; from 4 on erf is 1.
[[gnu::always_inline]] inline float fast_erf(float x) {
  const float a = __builtin_fabsf(x), s = x * x;
  float near = 8.193777e-5f;
  near = near * s - 8.0998766e-4f;
  near = near * s + 5.197155e-3f;
  near = near * s - 2.6857791e-2f;
  near = near * s + 1.1283666e-1f;
  near = near * s - 3.7612632e-1f;
  near = near * s + 1.1283792f;
  const float b = a > 4.0f ? 4.0f : a;
  float q = -2.320739e-6f;
  q = q * b + 3.6966718e-5f;
  q = q * b - 2.3444518e-4f;
  q = q * b + 5.720857e-4f;
  q = q * b + 1.6803069e-3f;
  q = q * b - 2.1101762e-2f;
  q = q * b + 1.0405315e-1f;
  q = q * b + 6.3614583e-1f;
  q = q * b + 1.1284558f;
  const float far = __builtin_copysignf(1.0f - fast_exp(-(b * q)), x);
  return s < 0.9f ? x * near : far;
}
inline double fast_erf(double x) { return std::erf(x); }

}  // namespace dormouse::engine
