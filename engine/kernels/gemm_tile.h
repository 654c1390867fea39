#pragma once

#include <cstdint>

/// The innermost step of gemm(): one tile of C held in registers while a panel of A and one of B stream past.
namespace dormouse::engine {

/// C[rows × columns] (+)= A panel (depth × rows, packed) · B panel (depth × columns, packed).
template <class T>
struct Tile {
  std::int64_t rows;
  std::int64_t columns;
  void (*run)(std::int64_t depth, const T* a, const T* b, T* c, std::int64_t ldc, bool accumulate) noexcept;
};

/// What is the same for all products of rows: how long they are, how far apart, and a factor.
template <class T>
struct Dot {
  std::int64_t depth, x_stride, row_stride, y_stride;
  T alpha;
};

/// y[i][r] += alpha · (x[i] · rows[r]) for `lefts` rows of x and `count` rows: where a matrix is used but a
/// few times, packing it would cost as much as that.
template <class T>
using Dots = void (*)(const Dot<T>& dot, std::int64_t lefts, const T* x, std::int64_t count, const T* rows,
                      T* y) noexcept;

/// What is the same for all sums of rows: how many rows there are, how far apart, and a factor.
template <class T>
struct RowSum {
  std::int64_t depth, x_stride, x_step, row_stride, y_stride;
  T alpha;
};

/// y[i][j] += alpha · Σ x[i][p] · rows[p][j] for `lefts` rows of x and `count` columns, `rows` as they lie:
/// for a few lefts, packing them would cost more than the product does.
template <class T>
using RowSums = void (*)(const RowSum<T>& sum, std::int64_t lefts, const T* x, std::int64_t count,
                         const T* rows, T* y) noexcept;

struct Tiles {
  Tile<float> f32;
  Tile<double> f64;
  Tile<float> row;  ///< one row high
  Dots<float> dots_f32;
  Dots<double> dots_f64;
  RowSums<float> row_sums_f32;
  RowSums<double> row_sums_f64;
};

inline constexpr std::int64_t kMaxTile = 12 * 32;  ///< elements of the largest tile

extern const Tiles kPortableTiles;
#if defined(__x86_64__)
extern const Tiles kAvx2Tiles;
extern const Tiles kAvx512Tiles;
#endif

/// Those of the widest vector instructions that this processor has.
const Tiles& best_tiles();

}  // namespace dormouse::engine
