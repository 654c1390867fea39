#include "engine/kernels/integer_gemm.h"

#include <algorithm>

namespace dormouse::engine {
namespace {

IntegerTiles detect_tiles() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw")) return kVnniIntegerTiles;
  if (__builtin_cpu_supports("avx2")) return kAvx2IntegerTiles;
#endif
  return kPortableIntegerTiles;
}

// `count` columns of B as a panel `width` wide, pairs of rows interleaved; what is missing is 0.
void pack(std::int64_t k, const std::int16_t* b, std::int64_t ldb, std::int64_t count, std::int64_t width,
          std::int16_t* to) {
  if (count < width) std::fill_n(to, integer_row(k) * width, std::int16_t{0});
  for (std::int64_t p = 0; p + 2 <= k; p += 2, b += 2 * ldb, to += 2 * width) {
    const std::int16_t* const next = b + ldb;
    for (std::int64_t j = 0; j < count; ++j) {
      to[2 * j] = b[j];
      to[2 * j + 1] = next[j];
    }
  }
  if (k % 2 == 0) return;
  for (std::int64_t j = 0; j < count; ++j) {
    to[2 * j] = b[j];
    to[2 * j + 1] = 0;
  }
}

}  // namespace

const IntegerTiles& best_integer_tiles() {
  static const IntegerTiles tiles = detect_tiles();
  return tiles;
}

std::size_t integer_gemm_scratch(std::int64_t k) {
  return static_cast<std::size_t>(integer_row(k) * kMaxIntegerColumns) * sizeof(std::int16_t);
}

void integer_gemm(std::int64_t m, std::int64_t n, std::int64_t k, const std::int16_t* a,
                  const std::int16_t* b, std::int32_t* c, std::int64_t ldc,
                  std::span<std::byte> scratch) noexcept {
  const auto& [block, row] = best_integer_tiles();
  const std::int64_t width = block.columns, lda = integer_row(k);
  auto* const panel = reinterpret_cast<std::int16_t*>(scratch.data());
  std::int32_t edge[kMaxIntegerColumns];
  for (std::int64_t j = 0; j < n; j += width) {
    const std::int64_t count = std::min(width, n - j);
    pack(k, b + j, n, count, width, panel);
    for (std::int64_t i = 0; i < m;) {
      const IntegerTile& tile = count == width && m - i >= block.rows ? block : row;
      std::int32_t* const to = c + i * ldc + j;
      tile.run(lda / 2, a + i * lda, lda, panel, count == width ? to : edge, ldc);
      if (count < width) std::copy_n(edge, count, to);
      i += tile.rows;
    }
  }
}

}  // namespace dormouse::engine
