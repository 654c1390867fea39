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

// The products of Lefts rows of x by Rows rows: as many sums as registers hold, each waiting for its own.
template <class T, int Bytes, int Lefts, int Rows>
void dot_tile(const Dot<T>& dot, const T* x, const T* rows, T* y) noexcept {
  typedef T Loaded __attribute__((vector_size(Bytes), aligned(alignof(T)), may_alias));
  typedef T Vector __attribute__((vector_size(Bytes)));  // a template's argument loses its alignment
  constexpr int kLanes = Bytes / static_cast<int>(sizeof(T));
  Vector sum[Lefts][Rows] = {};
  std::int64_t p = 0;
  for (; p + kLanes <= dot.depth; p += kLanes) {
    Vector left[Lefts];
#pragma GCC unroll 16
    for (int i = 0; i < Lefts; ++i) left[i] = *reinterpret_cast<const Loaded*>(x + i * dot.x_stride + p);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const Vector right = *reinterpret_cast<const Loaded*>(rows + r * dot.row_stride + p);
#pragma GCC unroll 16
      for (int i = 0; i < Lefts; ++i) sum[i][r] += left[i] * right;
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < Lefts; ++i) {
    totals<T, Rows>(sum[i]);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      T rest = sum[i][r / kLanes][r % kLanes];
      for (std::int64_t q = p; q < dot.depth; ++q)
        rest += x[i * dot.x_stride + q] * rows[r * dot.row_stride + q];
      y[i * dot.y_stride + r] += dot.alpha * rest;
    }
  }
}

template <class T, int Bytes, int Lefts, int Rows>
void dot_lefts(const Dot<T>& dot, const T* x, const T* rows, std::int64_t count, T* y) noexcept {
  std::int64_t r = 0;
  for (; r + Rows <= count; r += Rows)
    dot_tile<T, Bytes, Lefts, Rows>(dot, x, rows + r * dot.row_stride, y + r);
  for (; r < count; ++r) dot_tile<T, Bytes, Lefts, 1>(dot, x, rows + r * dot.row_stride, y + r);
}

template <class T, int Bytes>
void dots(const Dot<T>& dot, std::int64_t lefts, const T* x, std::int64_t count, const T* rows,
          T* y) noexcept {
  for (; lefts >= 4; lefts -= 4, x += 4 * dot.x_stride, y += 4 * dot.y_stride)
    dot_lefts<T, Bytes, 4, 4>(dot, x, rows, count, y);
  if (lefts == 3) dot_lefts<T, Bytes, 3, 4>(dot, x, rows, count, y);
  if (lefts == 2) dot_lefts<T, Bytes, 2, 4>(dot, x, rows, count, y);
  if (lefts == 1) dot_lefts<T, Bytes, 1, 8>(dot, x, rows, count, y);
}

// As many sums as hide the latency of one.
constexpr int kRowVectors = 8;

// The sums for Lefts rows of x and Vectors vectors of columns. Those are read as volatile, or g++ reads them
// again for each left, in twice the time.
template <class T, int Bytes, int Lefts, int Vectors>
void row_sum_tile(const RowSum<T>& sum, const T* x, const T* rows, T* y) noexcept {
  typedef T Vector __attribute__((vector_size(Bytes), aligned(alignof(T)), may_alias));
  constexpr int kLanes = Bytes / static_cast<int>(sizeof(T));
  Vector total[Lefts][Vectors] = {};
  for (std::int64_t p = 0; p < sum.depth; ++p, x += sum.x_step, rows += sum.row_stride) {
    Vector right[Vectors];
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) right[v] = *reinterpret_cast<const volatile Vector*>(rows + v * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < Lefts; ++i) {
      const T left = x[i * sum.x_stride];
#pragma GCC unroll 16
      for (int v = 0; v < Vectors; ++v) total[i][v] += left * right[v];
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < Lefts; ++i) {
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v)
      *reinterpret_cast<Vector*>(y + i * sum.y_stride + v * kLanes) += sum.alpha * total[i][v];
  }
}

// All columns: what fills no vector goes to narrower ones, down to a single element.
template <class T, int Bytes, int Lefts, int Vectors>
void row_sum_lefts(const RowSum<T>& sum, const T* x, std::int64_t count, const T* rows, T* y) noexcept {
  constexpr int kColumns = Vectors * Bytes / static_cast<int>(sizeof(T));
  std::int64_t j = 0;
  for (; j + kColumns <= count; j += kColumns)
    row_sum_tile<T, Bytes, Lefts, Vectors>(sum, x, rows + j, y + j);
  if constexpr (Vectors > 1)
    row_sum_lefts<T, Bytes, Lefts, Vectors / 2>(sum, x, count - j, rows + j, y + j);
  else if constexpr (Bytes > sizeof(T))
    row_sum_lefts<T, Bytes / 2, Lefts, 1>(sum, x, count - j, rows + j, y + j);
}

// Vectors of columns beside four rows: AVX-512 has twice as many registers.
template <int Bytes>
constexpr int kSumVectors = Bytes == 64 ? 4 : 2;

template <class T, int Bytes, int Vectors>
void row_sums(const RowSum<T>& sum, std::int64_t lefts, const T* x, std::int64_t count, const T* rows,
              T* y) noexcept {
  for (; lefts >= 4; lefts -= 4, x += 4 * sum.x_stride, y += 4 * sum.y_stride)
    row_sum_lefts<T, Bytes, 4, Vectors>(sum, x, count, rows, y);
  if (lefts == 3) row_sum_lefts<T, Bytes, 3, Vectors>(sum, x, count, rows, y);
  if (lefts == 2) row_sum_lefts<T, Bytes, 2, Vectors>(sum, x, count, rows, y);
  if (lefts == 1) row_sum_lefts<T, Bytes, 1, kRowVectors>(sum, x, count, rows, y);
}

template <int Bytes, int Rows, int Vectors>
constexpr Tiles tiles() {
  return {.f32 = {Rows, Vectors * Bytes / 4, tile<float, Bytes, Rows, Vectors>},
          .f64 = {Rows, Vectors * Bytes / 8, tile<double, Bytes, Rows, Vectors>},
          .row = {1, kRowVectors * Bytes / 4, tile<float, Bytes, 1, kRowVectors>},
          .dots_f32 = dots<float, Bytes>,
          .dots_f64 = dots<double, Bytes>,
          .row_sums_f32 = row_sums<float, Bytes, kSumVectors<Bytes>>,
          .row_sums_f64 = row_sums<double, Bytes, kSumVectors<Bytes>>};
}

}  // namespace
}  // namespace dormouse::engine
