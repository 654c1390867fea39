#pragma once

#include <cstdint>

/// sin, cos and their inverses for floats without branches or calls, so that loops over them vectorise; to 4
/// units in the last place, or to 3e-7 near zeros of waves. The polynomials are minimax fits of ours.
namespace dormouse::engine {

namespace trigonometry {

inline constexpr float kHalfPi = 1.57079633f, kPi = 3.14159265f;

/// asin(z) / z for z² = s of at most 1/4.
[[gnu::always_inline]] inline float asin_ratio(float s) {
  float p = 4.2635567e-2f;
  p = p * s + 2.3858216e-2f;
  p = p * s + 4.5550175e-2f;
  p = p * s + 7.494435e-2f;
  p = p * s + 1.6666791e-1f;
  return p * s + 1.0f;
}

/// For a from 0: asin(a) to 1/2; beyond, half of π/2 - asin(a), which is asin(√((1 - a) / 2)).
[[gnu::always_inline]] inline float asin_part(float a) {
  const float inner = a * a, outer = (1.0f - a) * 0.5f;
  const float s = a > 0.5f ? outer : inner, root = __builtin_sqrtf(s);
  return (a > 0.5f ? root : a) * asin_ratio(s);
}

/// sin(x + quarters · π/2) for |x| of at most kFarthest: π/2 in three parts leaves nothing of x's own digits
/// out.
[[gnu::always_inline]] inline float sine(float x, std::uint32_t quarters) {
  constexpr float kRound = 12582912.0f;  // adding 1.5·2²³ rounds, and leaves n in the low bits
  const float rounded = x * 6.36619772e-1f + kRound;
  const float n = rounded - kRound;
  const float r = ((x - n * 1.5703125f) - n * 4.83751297e-4f) - n * 7.54978942e-8f;
  const std::uint32_t quarter = __builtin_bit_cast(std::uint32_t, rounded) + quarters;
  const float s = r * r;
  float sine = -1.9495044e-4f;
  sine = sine * s + 8.331963e-3f;
  sine = sine * s - 1.666665e-1f;
  sine = r + r * s * sine;
  float cosine = 2.4364002e-5f;
  cosine = cosine * s - 1.3886432e-3f;
  cosine = cosine * s + 4.166661e-2f;
  cosine = cosine * s - 0.5f;
  cosine = 1.0f + s * cosine;
  const float y = (quarter & 1) != 0 ? cosine : sine;
  return __builtin_bit_cast(float, __builtin_bit_cast(std::uint32_t, y) ^ (quarter & 2) << 30);
}

}  // namespace trigonometry

/// For |x| of at most this; further out digits would be lost.
inline constexpr float kFarthest = 8192.0f;
[[gnu::always_inline]] inline float fast_sin(float x) { return trigonometry::sine(x, 0); }
[[gnu::always_inline]] inline float fast_cos(float x) { return trigonometry::sine(x, 1); }

/// NaN outside [-1, 1].
[[gnu::always_inline]] inline float fast_asin(float x) {
  using namespace trigonometry;
  const float a = __builtin_fabsf(x), part = asin_part(a);
  const float outer = kHalfPi - 2.0f * part;
  return __builtin_copysignf(a > 0.5f ? outer : part, x);
}

[[gnu::always_inline]] inline float fast_acos(float x) {
  using namespace trigonometry;
  const float a = __builtin_fabsf(x), part = asin_part(a);
  const float twice = 2.0f * part, rest = kPi - twice, inner = kHalfPi - __builtin_copysignf(part, x);
  const float outer = x > 0.0f ? twice : rest;
  return a > 0.5f ? outer : inner;
}

[[gnu::always_inline]] inline float fast_atan(float x) {
  using namespace trigonometry;
  const float a = __builtin_fabsf(x);
  const bool beyond = a > 1.0f;  // atan(x) = π/2 - atan(1 / x)
  const float inverse = 1.0f / a, z = beyond ? inverse : a, s = z * z;
  float p = -1.7539065e-3f;
  p = p * s + 1.0726837e-2f;
  p = p * s - 3.0804398e-2f;
  p = p * s + 5.75519e-2f;
  p = p * s - 8.377304e-2f;
  p = p * s + 1.0942027e-1f;
  p = p * s - 1.4261933e-1f;
  p = p * s + 1.9998266e-1f;
  p = p * s - 3.3333284e-1f;
  const float y = z + z * s * p;
  const float outer = kHalfPi - y;
  return __builtin_copysignf(beyond ? outer : y, x);
}

}  // namespace dormouse::engine
