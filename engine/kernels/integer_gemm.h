#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/kernels/integer_tile.h"

namespace dormouse::engine {

/// Elements between the rows of A: k, made even. The element that fills up a row is 0.
constexpr std::int64_t integer_row(std::int64_t k) { return k + k % 2; }

/// Bytes that integer_gemm() of this depth needs as scratch.
std::size_t integer_gemm_scratch(std::int64_t k);

/// C = A·B, exact: A is m×k with integer_row(k) elements a row, B is row-major k×n, C is row-major m×n with
/// `ldc` elements a row; sums beyond 32 bits wrap around. The operands are 8-bit numbers less a zero point,
/// so within ±255. `scratch` is 64-byte aligned.
void integer_gemm(std::int64_t m, std::int64_t n, std::int64_t k, const std::int16_t* a,
                  const std::int16_t* b, std::int32_t* c, std::int64_t ldc,
                  std::span<std::byte> scratch) noexcept;

/// The tiles of the widest vector instructions that this processor has.
const IntegerTiles& best_integer_tiles();

}  // namespace dormouse::engine
