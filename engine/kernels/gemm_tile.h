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

/// y[i] += alpha · (x · rows[i]) for `count` rows of `depth` elements, `stride` apart: where a matrix is used
/// once, packing it would cost as much as that.
template <class T>
using Dots = void (*)(std::int64_t depth, const T* x, const T* rows, std::int64_t stride, std::int64_t count,
                      T alpha, T* y) noexcept;

struct Tiles {
  Tile<float> f32;
  Tile<double> f64;
  Tile<float> row;  ///< one row high
  Dots<float> dots_f32;
  Dots<double> dots_f64;
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
