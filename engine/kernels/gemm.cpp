#include "engine/kernels/gemm.h"

#include <algorithm>

#include "engine/kernels/gemm_tile.h"

namespace dormouse::engine {
namespace {

// A block of A (kBlockRows × kBlockDepth) stays in L2 while panels of B (kBlockDepth × kBlockColumns) pass
// through L1.
constexpr std::int64_t kBlockRows = 144;  // a multiple of every tile's rows
constexpr std::int64_t kBlockDepth = 256;
constexpr std::int64_t kBlockColumns = 768;  // a multiple of every tile's columns

// Room for the panels of a block: its last one is filled up to a whole tile.
constexpr std::int64_t panel_rows(std::int64_t m) { return std::min(m + 12, kBlockRows); }
constexpr std::int64_t panel_columns(std::int64_t n) { return std::min(n + 32, kBlockColumns); }

constexpr std::int64_t round_up(std::int64_t value, std::int64_t step) {
  return (value + step - 1) / step * step;
}

Tiles detect_tiles() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool fma = __builtin_cpu_supports("fma");
  if (__builtin_cpu_supports("avx512f") && fma) return kAvx512Tiles;
  if (__builtin_cpu_supports("avx2") && fma) return kAvx2Tiles;
#endif
  return kPortableTiles;
}

template <class T>
const Tile<T>& tile() {
  if constexpr (sizeof(T) == 4)
    return best_tiles().f32;
  else
    return best_tiles().f64;
}

// Rows [0, rows) of A as panels of `width` rows, each depth × width; missing rows are zeros.
template <class T>
void pack(std::int64_t rows, std::int64_t depth, T scale, const T* from, std::int64_t row_stride,
          std::int64_t depth_stride, std::int64_t width, T* to) {
  for (std::int64_t first = 0; first < rows; first += width) {
    const std::int64_t count = std::min(width, rows - first);
    const T* const panel = from + first * row_stride;
    for (std::int64_t p = 0; p < depth; ++p, to += width) {
      const T* const line = panel + p * depth_stride;
      if (row_stride == 1)
        for (std::int64_t r = 0; r < count; ++r) to[r] = scale * line[r];
      else
        for (std::int64_t r = 0; r < count; ++r) to[r] = scale * line[r * row_stride];
      for (std::int64_t r = count; r < width; ++r) to[r] = 0;
    }
  }
}

template <class T>
void block(std::int64_t rows, std::int64_t columns, std::int64_t depth, const T* a, const T* b,
           bool accumulate, T* c, std::int64_t ldc) {
  const Tile<T>& best = tile<T>();
  alignas(64) T corner[kMaxTile];
  for (std::int64_t j = 0; j < columns; j += best.columns) {
    for (std::int64_t i = 0; i < rows; i += best.rows) {
      const T* const left = a + i * depth;
      const T* const right = b + j * depth;
      T* const to = c + i * ldc + j;
      const std::int64_t high = std::min(best.rows, rows - i), wide = std::min(best.columns, columns - j);
      if (high == best.rows && wide == best.columns) {
        best.run(depth, left, right, to, ldc, accumulate);
        continue;
      }
      best.run(depth, left, right, corner, best.columns, false);
      for (std::int64_t r = 0; r < high; ++r)
        for (std::int64_t s = 0; s < wide; ++s)
          to[r * ldc + s] = corner[r * best.columns + s] + (accumulate ? to[r * ldc + s] : T{0});
    }
  }
}

template <class T>
Dots<T> best_dots() {
  if constexpr (sizeof(T) == 4)
    return best_tiles().dots_f32;
  else
    return best_tiles().dots_f64;
}

template <class T>
RowSums<T> best_row_sums() {
  if constexpr (sizeof(T) == 4)
    return best_tiles().row_sums_f32;
  else
    return best_tiles().row_sums_f64;
}

// Few rows are not worth packing B for: it would cost more than it saves, and the longer so while B stays in
// L2. Where B lies transposed, products are dots of rows as they are; long ones, or summing them up costs
// more than packing.
constexpr std::int64_t kThin = 12, kThinCached = 48, kCachedBytes = 256 << 10;
constexpr std::int64_t kThinTransposed = 8, kThinLong = 32, kLong = 128;

template <class T>
bool is_thin(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<T> a, Matrix<T> b) {
  if (b.column_stride == 1) {
    const bool cached = n * k <= kCachedBytes / static_cast<std::int64_t>(sizeof(T));
    return m <= (cached ? kThinCached : kThin);
  }
  const bool dots = b.row_stride == 1 && a.column_stride == 1;
  return dots && m <= (k >= kLong ? kThinLong : kThinTransposed);
}

template <class T>
void thin(std::int64_t m, std::int64_t n, std::int64_t k, T alpha, Matrix<T> a, Matrix<T> b, T* c,
          std::int64_t ldc) {
  if (b.column_stride != 1)
    return best_dots<T>()({k, a.row_stride, b.column_stride, ldc, alpha}, m, a.data, n, b.data, c);
  best_row_sums<T>()({k, a.row_stride, a.column_stride, b.row_stride, ldc, alpha}, m, a.data, n, b.data, c);
}

template <class T>
void clear(std::int64_t m, std::int64_t n, T* c, std::int64_t ldc) {
  for (std::int64_t i = 0; i < m; ++i) std::fill_n(c + i * ldc, n, T{0});
}

}  // namespace

const Tiles& best_tiles() {
  static const Tiles best = detect_tiles();
  return best;
}

std::size_t gemm_scratch(std::int64_t m, std::int64_t n, std::int64_t k) {
  const std::int64_t depth = std::min(k, kBlockDepth);
  return static_cast<std::size_t>(round_up(depth * panel_rows(m), 16) + depth * panel_columns(n)) *
         sizeof(double);
}

template <class T>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, T alpha, Matrix<T> a, Matrix<T> b, bool accumulate,
          T* c, std::int64_t ldc, std::span<std::byte> scratch) noexcept {
  if (m <= 0 || n <= 0) return;
  const bool unpacked = is_thin(m, n, k, a, b);
  if (!accumulate && (k <= 0 || unpacked)) clear(m, n, c, ldc);
  if (k <= 0) return;
  if (unpacked) return thin(m, n, k, alpha, a, b, c, ldc);

  const Tile<T>& best = tile<T>();
  T* const packed_a = reinterpret_cast<T*>(scratch.data());
  T* const packed_b = packed_a + round_up(std::min(k, kBlockDepth) * panel_rows(m), 16);
  for (std::int64_t j = 0; j < n; j += kBlockColumns) {
    const std::int64_t columns = std::min(kBlockColumns, n - j);
    for (std::int64_t p = 0; p < k; p += kBlockDepth) {
      const std::int64_t depth = std::min(kBlockDepth, k - p);
      pack(columns, depth, T{1}, b.data + p * b.row_stride + j * b.column_stride, b.column_stride,
           b.row_stride, best.columns, packed_b);
      for (std::int64_t i = 0; i < m; i += kBlockRows) {
        const std::int64_t rows = std::min(kBlockRows, m - i);
        pack(rows, depth, alpha, a.data + i * a.row_stride + p * a.column_stride, a.row_stride,
             a.column_stride, best.rows, packed_a);
        block(rows, columns, depth, packed_a, packed_b, accumulate || p > 0, c + i * ldc + j, ldc);
      }
    }
  }
}

template void gemm(std::int64_t, std::int64_t, std::int64_t, float, Matrix<float>, Matrix<float>, bool,
                   float*, std::int64_t, std::span<std::byte>) noexcept;
template void gemm(std::int64_t, std::int64_t, std::int64_t, double, Matrix<double>, Matrix<double>, bool,
                   double*, std::int64_t, std::span<std::byte>) noexcept;

}  // namespace dormouse::engine
