#pragma once

#include <cstdint>

namespace dormouse::engine {

/// C = A·Bᵀ, exact: A is m×k, B is n×k, C is row-major m×n with `ldc` elements a row; sums beyond 32 bits
/// wrap around. The operands are 8-bit numbers less a zero point, so within ±255.
void integer_gemm(std::int64_t m, std::int64_t n, std::int64_t k, const std::int16_t* a,
                  const std::int16_t* b, std::int32_t* c, std::int64_t ldc) noexcept;

}  // namespace dormouse::engine
