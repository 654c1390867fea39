// The tile of gemm(), included by one file per instruction set, each compiled with its own flags. Everything
// here is static or in an anonymous namespace and nothing from std is called: a shared inline function
// compiled with AVX-512 could be the copy that the linker keeps for all.

#pragma once

#include <utility>

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

// The sums of neighbouring elements: those of `a`, then those of `b`.
template <class Vector, int... Lane>
Vector pair_sums(const Vector& a, const Vector& b, std::integer_sequence<int, Lane...>) noexcept {
  return __builtin_shufflevector(a, b, 2 * Lane...) + __builtin_shufflevector(a, b, (2 * Lane + 1)...);
}

// The total of each of Rows vectors, in the elements of the first ones: summing each for itself would take
// longer than short products do.
template <class T, int Rows, class Vector>
void totals(Vector* sum) noexcept {
  constexpr int kLanes = static_cast<int>(sizeof(Vector) / sizeof(T));
  constexpr std::make_integer_sequence<int, kLanes> lanes;
  int vectors = Rows;
#pragma GCC unroll 16
  for (int parts = kLanes; parts > 1; parts /= 2) {
    if (vectors == 1) {
      sum[0] = pair_sums(sum[0], sum[0], lanes);
      continue;
    }
    vectors /= 2;
#pragma GCC unroll 16
    for (int i = 0; i < vectors; ++i) sum[i] = pair_sums(sum[2 * i], sum[2 * i + 1], lanes);
  }
}

// Rows [0, Rows) at once: each waits for its own sum.
template <class T, int Bytes, int Rows>
void dot_rows(std::int64_t depth, const T* x, const T* rows, std::int64_t stride, T alpha, T* y) noexcept {
  typedef T Vector __attribute__((vector_size(Bytes), aligned(alignof(T)), may_alias));
  constexpr int kLanes = Bytes / static_cast<int>(sizeof(T));
  alignas(Bytes) Vector sum[Rows] = {};
  std::int64_t p = 0;
  for (; p + kLanes <= depth; p += kLanes) {
    const Vector left = *reinterpret_cast<const Vector*>(x + p);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) sum[r] += left * *reinterpret_cast<const Vector*>(rows + r * stride + p);
  }
  totals<T, Rows>(sum);
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
    T rest = sum[r / kLanes][r % kLanes];
    for (std::int64_t q = p; q < depth; ++q) rest += x[q] * rows[r * stride + q];
    y[r] += alpha * rest;
  }
}

template <class T, int Bytes>
void dots(std::int64_t depth, const T* x, const T* rows, std::int64_t stride, std::int64_t count, T alpha,
          T* y) noexcept {
  constexpr int kRows = 8;
  std::int64_t i = 0;
  for (; i + kRows <= count; i += kRows)
    dot_rows<T, Bytes, kRows>(depth, x, rows + i * stride, stride, alpha, y + i);
  for (; i < count; ++i) dot_rows<T, Bytes, 1>(depth, x, rows + i * stride, stride, alpha, y + i);
}

// As many sums as hide the latency of one.
constexpr int kRowVectors = 8;

template <int Bytes, int Rows, int Vectors>
constexpr Tiles tiles() {
  return {.f32 = {Rows, Vectors * Bytes / 4, tile<float, Bytes, Rows, Vectors>},
          .f64 = {Rows, Vectors * Bytes / 8, tile<double, Bytes, Rows, Vectors>},
          .row = {1, kRowVectors * Bytes / 4, tile<float, Bytes, 1, kRowVectors>},
          .dots_f32 = dots<float, Bytes>,
          .dots_f64 = dots<double, Bytes>};
}

}  // namespace
}  // namespace dormouse::engine
