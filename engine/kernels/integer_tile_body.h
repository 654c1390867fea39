// The tile of integer_gemm(), included by one file per instruction set, each compiled with its own flags. As
// in gemm_tile_body.h everything is static, and nothing from std is called.

#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "engine/kernels/integer_tile.h"

namespace dormouse::engine {
namespace {

template <int Bytes>
struct Lanes {
  typedef std::int32_t Vector __attribute__((vector_size(Bytes), aligned(4), may_alias));
};

// sum + the products of both halves of each lane: a processor that multiplies pairs does it at once.
template <int Bytes, class Vector = typename Lanes<Bytes>::Vector>
inline Vector add_pairs(Vector sum, Vector a, Vector b) {
#if defined(__AVX512VNNI__)
  if constexpr (Bytes == 64)
    return (Vector)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
  else
#elif defined(__AVX2__)
  if constexpr (Bytes == 32)
    return sum + (Vector)_mm256_madd_epi16((__m256i)a, (__m256i)b);
  else
#elif defined(__SSE2__)
  if constexpr (Bytes == 16)
    return sum + (Vector)_mm_madd_epi16((__m128i)a, (__m128i)b);
  else
#elif defined(__aarch64__)
  if constexpr (Bytes == 16) {
    const int32x4_t low = vmull_s16(vget_low_s16((int16x8_t)a), vget_low_s16((int16x8_t)b));
    return sum + (Vector)vpaddq_s32(low, vmull_high_s16((int16x8_t)a, (int16x8_t)b));
  } else
#endif
    return sum + (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);
}

template <int Bytes, int Rows, int Vectors>
void integer_tile(std::int64_t pairs, const std::int16_t* a, std::int64_t lda, const std::int16_t* b,
                  std::int32_t* c, std::int64_t ldc) noexcept {
  using Vector = typename Lanes<Bytes>::Vector;
  typedef std::int32_t Pair __attribute__((aligned(2), may_alias));
  constexpr int kLanes = Bytes / 4;
  Vector sum[Rows][Vectors] = {};
  for (std::int64_t p = 0; p < pairs; ++p) {
    Vector right[Vectors];
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v)
      right[v] = *reinterpret_cast<const Vector*>(b + (p * Vectors + v) * kLanes * 2);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const Vector left = Vector{} + *reinterpret_cast<const Pair*>(a + r * lda + 2 * p);
#pragma GCC unroll 16
      for (int v = 0; v < Vectors; ++v) sum[r][v] = add_pairs<Bytes>(sum[r][v], left, right[v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) *reinterpret_cast<Vector*>(c + r * ldc + v * kLanes) = sum[r][v];
  }
}

template <int Bytes, int Rows, int Vectors>
constexpr IntegerTiles integer_tiles() {
  return {.block = {Rows, Vectors * Bytes / 4, integer_tile<Bytes, Rows, Vectors>},
          .row = {1, Vectors * Bytes / 4, integer_tile<Bytes, 1, Vectors>}};
}

}  // namespace
}  // namespace dormouse::engine
