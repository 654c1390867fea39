#include "engine/kernels/integer_gemm.h"

#include <algorithm>
#include <array>

namespace dormouse::engine {
namespace {

constexpr std::int64_t kDepth = 1 << 14;  // ±255² a term: this many cannot overflow
constexpr std::int64_t kColumns = 4;      // of C at a time: a row of A is read once for all of them

// Products of neighbouring 16-bit numbers added in pairs: compilers know the instruction for this loop.
template <std::int64_t columns>
std::array<std::int32_t, columns> dot(const std::int16_t* a, const std::int16_t* b, std::int64_t stride,
                                      std::int64_t depth) {
  std::array<std::int32_t, columns> sums{};
  for (std::int64_t p = 0; p < depth; ++p)
    for (std::int64_t j = 0; j < columns; ++j)
      sums[static_cast<std::size_t>(j)] += std::int32_t{a[p]} * std::int32_t{b[j * stride + p]};
  return sums;
}

std::int32_t wrapping_sum(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}

template <std::int64_t columns>
void accumulate(const std::int16_t* a, const std::int16_t* b, std::int64_t stride, std::int64_t depth,
                std::int32_t* c) {
  const auto sums = dot<columns>(a, b, stride, depth);
  for (std::int64_t j = 0; j < columns; ++j) c[j] = wrapping_sum(c[j], sums[static_cast<std::size_t>(j)]);
}

}  // namespace

void integer_gemm(std::int64_t m, std::int64_t n, std::int64_t k, const std::int16_t* a,
                  const std::int16_t* b, std::int32_t* c, std::int64_t ldc) noexcept {
  for (std::int64_t i = 0; i < m; ++i) std::fill_n(c + i * ldc, n, 0);
  for (std::int64_t first = 0; first < k; first += kDepth) {
    const std::int64_t depth = std::min(kDepth, k - first);
    // Blocks of columns outermost: they stay in cache for every row of A.
    for (std::int64_t j = 0; j < n; j += kColumns) {
      const std::int16_t* const block = b + j * k + first;
      for (std::int64_t i = 0; i < m; ++i) {
        const std::int16_t* const row = a + i * k + first;
        std::int32_t* const to = c + i * ldc + j;
        if (j + kColumns <= n) {
          accumulate<kColumns>(row, block, k, depth, to);
        } else {
          for (std::int64_t rest = 0; rest < n - j; ++rest)
            accumulate<1>(row, block + rest * k, k, depth, to + rest);
        }
      }
    }
  }
}

}  // namespace dormouse::engine
