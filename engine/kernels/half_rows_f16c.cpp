// Compiled for one instruction set alone: as in gemm_tile_body.h, nothing here may be shared with other
// files.
#include <immintrin.h>

#include "engine/kernels/half_rows.h"

namespace dormouse::engine {
namespace {

constexpr std::int64_t kLanes = 8;

void narrow(const float* from, Half* to, std::int64_t count) noexcept {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
  for (; i < count; ++i) to[i].bits = _cvtss_sh(from[i], _MM_FROUND_TO_NEAREST_INT);
}

void widen(const Half* from, float* to, std::int64_t count) noexcept {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
  for (; i < count; ++i) to[i] = _cvtsh_ss(from[i].bits);
}

}  // namespace

extern const HalfRows kF16cHalfRows{narrow, widen};

}  // namespace dormouse::engine
