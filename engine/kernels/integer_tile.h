#pragma once

#include <cstdint>

/// The innermost step of integer_gemm(): one tile of C held in registers while rows of A and a panel of B
/// stream past, two terms of each sum at a time.
namespace dormouse::engine {

/// C[rows × columns] = A · B panel. `a` has `lda` elements a row; the panel is [pairs][columns][2], so that
/// the two terms of a pair are neighbours, as in A.
struct IntegerTile {
  std::int64_t rows;
  std::int64_t columns;
  void (*run)(std::int64_t pairs, const std::int16_t* a, std::int64_t lda, const std::int16_t* b,
              std::int32_t* c, std::int64_t ldc) noexcept;
};

struct IntegerTiles {
  IntegerTile block;
  IntegerTile row;  ///< one row high, of the same columns
};

inline constexpr std::int64_t kMaxIntegerColumns = 32;

extern const IntegerTiles kPortableIntegerTiles;
#if defined(__x86_64__)
extern const IntegerTiles kAvx2IntegerTiles;
extern const IntegerTiles kVnniIntegerTiles;  ///< AVX-512 with dot products of integers
#endif

}  // namespace dormouse::engine
