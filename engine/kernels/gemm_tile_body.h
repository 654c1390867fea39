// The tile of gemm(), included by one file per instruction set, each compiled with its own flags. Everything
// here is static or in an anonymous namespace and nothing from std is called: a shared inline function
// compiled with AVX-512 could be the copy that the linker keeps for all.

#pragma once

#include "engine/kernels/gemm_tile.h"

namespace dormouse::engine {
namespace {

template <class T, int Bytes, int Rows, int Vectors>
void tile(std::int64_t depth, const T* a, const T* b, T* c, std::int64_t ldc, bool accumulate) noexcept {
  typedef T Vector __attribute__((vector_size(Bytes), aligned(alignof(T)), may_alias));
  constexpr int kLanes = Bytes / static_cast<int>(sizeof(T));
  Vector sum[Rows][Vectors] = {};
  for (std::int64_t p = 0; p < depth; ++p) {
    Vector right[Vectors];
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) right[v] = *reinterpret_cast<const Vector*>(b + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 16
      for (int v = 0; v < Vectors; ++v) sum[r][v] += a[r] * right[v];
    }
    a += Rows;
    b += Vectors * kLanes;
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) {
      Vector* const to = reinterpret_cast<Vector*>(c + r * ldc + v * kLanes);
      *to = accumulate ? *to + sum[r][v] : sum[r][v];
    }
  }
}

// As many sums as hide the latency of one.
constexpr int kRowVectors = 8;

template <int Bytes, int Rows, int Vectors>
constexpr Tiles tiles() {
  return {.f32 = {Rows, Vectors * Bytes / 4, tile<float, Bytes, Rows, Vectors>},
          .f64 = {Rows, Vectors * Bytes / 8, tile<double, Bytes, Rows, Vectors>},
          .row = {1, kRowVectors * Bytes / 4, tile<float, Bytes, 1, kRowVectors>}};
}

}  // namespace
}  // namespace dormouse::engine
