#include <catch2/catch.hpp>
#include <random>
#include <utility>
#include <vector>

#include "engine/kernels/gemm.h"
#include "engine/kernels/gemm_tile.h"
#include "engine/kernels/integer_gemm.h"
#include "engine/kernels/packed_matrix.h"
#include "engine/tensor.h"

namespace dormouse::engine {
namespace {

template <class T>
std::vector<T> noise(std::size_t count, std::mt19937& random) {
  std::uniform_real_distribution<T> uniform(-1, 1);
  std::vector<T> result(count);
  for (T& value : result) value = uniform(random);
  return result;
}

struct Extents {
  std::int64_t m, n, k;
};

template <class T>
void compare(Extents extents, bool transposed_a, bool transposed_b, bool accumulate) {
  const auto [m, n, k] = extents;
  std::mt19937 random(7);
  const std::vector<T> a = noise<T>(static_cast<std::size_t>(m * k), random);
  const std::vector<T> b = noise<T>(static_cast<std::size_t>(k * n), random);
  std::vector<T> c = noise<T>(static_cast<std::size_t>(m * n), random);
  const std::vector<T> before = c;
  const Matrix<T> left = transposed_a ? Matrix<T>{a.data(), 1, m} : Matrix<T>{a.data(), k};
  const Matrix<T> right = transposed_b ? Matrix<T>{b.data(), 1, k} : Matrix<T>{b.data(), n};
  const auto scratch = Buffer::allocate(gemm_scratch(m, n, k));
  gemm<T>(m, n, k, T{2}, left, right, accumulate, c.data(), n, {scratch->writable_data(), scratch->size()});
  INFO(m << "x" << n << "x" << k << " a'=" << transposed_a << " b'=" << transposed_b << " += " << accumulate);
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = accumulate ? static_cast<double>(before[static_cast<std::size_t>(i * n + j)]) : 0;
      for (std::int64_t p = 0; p < k; ++p)
        sum += 2.0 * static_cast<double>(left.data[i * left.row_stride + p * left.column_stride]) *
               static_cast<double>(right.data[p * right.row_stride + j * right.column_stride]);
      REQUIRE(static_cast<double>(c[static_cast<std::size_t>(i * n + j)]) ==
              Approx(sum).margin(sizeof(T) == 4 ? 1e-3 : 1e-10));
    }
  }
}

template <class T>
void compare_tile(const Tile<T>& tile) {
  constexpr std::int64_t depth = 19;
  std::mt19937 random(11);
  const std::vector<T> a = noise<T>(static_cast<std::size_t>(tile.rows * depth), random);
  const std::vector<T> b = noise<T>(static_cast<std::size_t>(tile.columns * depth), random);
  std::vector<T> c(static_cast<std::size_t>(tile.rows * tile.columns), T{1});
  tile.run(depth, a.data(), b.data(), c.data(), tile.columns, true);
  for (std::int64_t i = 0; i < tile.rows; ++i) {
    for (std::int64_t j = 0; j < tile.columns; ++j) {
      double sum = 1;
      for (std::int64_t p = 0; p < depth; ++p)
        sum += static_cast<double>(a[static_cast<std::size_t>(p * tile.rows + i)]) *
               static_cast<double>(b[static_cast<std::size_t>(p * tile.columns + j)]);
      REQUIRE(static_cast<double>(c[static_cast<std::size_t>(i * tile.columns + j)]) ==
              Approx(sum).margin(1e-5));
    }
  }
}

struct DotExtents {
  std::int64_t lefts, count, depth;
};

// Rows and depths that fill vectors and blocks, and that do not.
template <class T>
void compare_dots(Dots<T> dots) {
  for (const auto& [lefts, count, depth] :
       {DotExtents{1, 1, 1}, {1, 8, 16}, {2, 11, 35}, {3, 4, 200}, {4, 9, 16}, {7, 13, 40}}) {
    INFO("dots of " << lefts << " by " << count << " rows of " << depth);
    std::mt19937 random(13);
    const std::int64_t x_stride = depth + 3, row_stride = depth + 2, y_stride = count + 1;
    const std::vector<T> x = noise<T>(static_cast<std::size_t>(lefts * x_stride), random);
    const std::vector<T> rows = noise<T>(static_cast<std::size_t>(count * row_stride), random);
    std::vector<T> y(static_cast<std::size_t>(lefts * y_stride), T{1});
    dots({depth, x_stride, row_stride, y_stride, T{2}}, lefts, x.data(), count, rows.data(), y.data());
    for (std::int64_t i = 0; i < lefts; ++i)
      for (std::int64_t r = 0; r < y_stride; ++r) {
        double sum = 0;
        for (std::int64_t p = 0; r < count && p < depth; ++p)
          sum += static_cast<double>(x[static_cast<std::size_t>(i * x_stride + p)]) *
                 static_cast<double>(rows[static_cast<std::size_t>(r * row_stride + p)]);
        REQUIRE(static_cast<double>(y[static_cast<std::size_t>(i * y_stride + r)]) ==
                Approx(1 + 2 * sum).margin(1e-4));
      }
  }
}

// Rows of x that fill blocks and that do not, columns of every width of vector.
template <class T>
void compare_row_sums(RowSums<T> row_sums) {
  for (const auto& [lefts, count, depth] :
       {DotExtents{1, 1, 1}, {1, 300, 16}, {2, 47, 35}, {3, 129, 7}, {4, 64, 9}, {7, 31, 40}}) {
    INFO("sums of " << depth << " rows of " << count << " for " << lefts);
    std::mt19937 random(13);
    const std::int64_t x_step = 2, x_stride = 2 * depth + 3, row_stride = count + 2, y_stride = count + 1;
    const std::vector<T> x = noise<T>(static_cast<std::size_t>(lefts * x_stride), random);
    const std::vector<T> rows = noise<T>(static_cast<std::size_t>(depth * row_stride), random);
    std::vector<T> y(static_cast<std::size_t>(lefts * y_stride), T{1});
    row_sums({depth, x_stride, x_step, row_stride, y_stride, T{2}}, lefts, x.data(), count, rows.data(),
             y.data());
    for (std::int64_t i = 0; i < lefts; ++i)
      for (std::int64_t j = 0; j < y_stride; ++j) {
        double sum = 0;
        for (std::int64_t p = 0; j < count && p < depth; ++p)
          sum += static_cast<double>(x[static_cast<std::size_t>(i * x_stride + p * x_step)]) *
                 static_cast<double>(rows[static_cast<std::size_t>(p * row_stride + j)]);
        REQUIRE(static_cast<double>(y[static_cast<std::size_t>(i * y_stride + j)]) ==
                Approx(1 + 2 * sum).margin(1e-4));
      }
  }
}

void compare_tiles(const Tiles& tiles) {
  compare_row_sums(tiles.row_sums_f32);
  compare_row_sums(tiles.row_sums_f64);
  compare_dots(tiles.dots_f32);
  compare_dots(tiles.dots_f64);
  compare_tile(tiles.f32);
  compare_tile(tiles.f64);
  compare_tile(tiles.row);
}

}  // namespace

TEST_CASE("gemm equals the sum of products for every edge of its blocks", "[gemm]") {
  const Extents extents = GENERATE(Extents{1, 1, 1}, Extents{1, 40, 9}, Extents{2, 5, 3}, Extents{13, 33, 7},
                                   Extents{61, 65, 70}, Extents{145, 31, 257}, Extents{5, 800, 20},
                                   Extents{3, 4, 0}, Extents{3, 70, 130}, Extents{31, 9, 150});
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      for (const bool accumulate : {false, true}) {
        compare<float>(extents, ta, tb, accumulate);
        compare<double>(extents, ta, tb, accumulate);
      }
}

TEST_CASE("a packed matrix multiplies one row as gemm does", "[gemm]") {
  const Extents extents = GENERATE(Extents{1, 1, 1}, Extents{1, 33, 7}, Extents{1, 300, 65});
  const auto [m, n, k] = extents;
  std::mt19937 random(7);
  const auto x = noise<float>(static_cast<std::size_t>(k), random);
  const auto b = noise<float>(static_cast<std::size_t>(n * k), random);
  std::vector<float> expected(static_cast<std::size_t>(n));
  const auto scratch = Buffer::allocate(gemm_scratch(1, n, k));
  const Matrix<float> columns{b.data(), 1, k};
  gemm<float>(1, n, k, 1, {x.data(), k}, columns, false, expected.data(), n,
              {scratch->writable_data(), scratch->size()});
  const PackedMatrix packed(columns, k, n);
  std::vector<float> y(packed.padded_columns(), 1);
  packed.multiply(x, y);
  for (std::size_t j = 0; j < y.size(); ++j)
    CHECK(y[j] == Approx(j < expected.size() ? expected[j] : 0).margin(1e-4));
}

TEST_CASE("the tiles of every instruction set this processor has compute the same", "[gemm]") {
  compare_tiles(kPortableTiles);
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) compare_tiles(kAvx2Tiles);
  if (__builtin_cpu_supports("avx512f")) compare_tiles(kAvx512Tiles);
#endif
}

TEST_CASE("integer_gemm is exact, also where its sums wrap around", "[gemm]") {
  const auto [m, n, k] = GENERATE(Extents{1, 1, 1}, Extents{30, 70, 17}, Extents{2, 4, 0}, Extents{13, 33, 8},
                                  Extents{1, 5, 40001});
  std::mt19937 random(7);
  std::uniform_int_distribution<int> uniform(200, 255);  // positive: 40001 of their products leave 32 bits
  std::vector<std::int16_t> a(static_cast<std::size_t>(m * integer_row(k))),
      b(static_cast<std::size_t>(n * k));
  for (std::int16_t& value : b) value = static_cast<std::int16_t>(uniform(random));
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t p = 0; p < k; ++p)
      a[static_cast<std::size_t>(i * integer_row(k) + p)] = static_cast<std::int16_t>(-uniform(random));
  std::vector<std::int32_t> c(static_cast<std::size_t>(m * n), 7);
  const auto scratch = Buffer::allocate(integer_gemm_scratch(k));
  integer_gemm(m, n, k, a.data(), b.data(), c.data(), n, {scratch->writable_data(), scratch->size()});
  INFO(m << "x" << n << "x" << k);
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      std::int64_t sum = 0;
      for (std::int64_t p = 0; p < k; ++p)
        sum += std::int64_t{a[static_cast<std::size_t>(i * integer_row(k) + p)]} *
               b[static_cast<std::size_t>(p * n + j)];
      REQUIRE(c[static_cast<std::size_t>(i * n + j)] == static_cast<std::int32_t>(sum));
    }
  }
}

TEST_CASE("every integer tile that this processor runs computes the same", "[gemm]") {
  std::vector<const IntegerTiles*> tiles{&kPortableIntegerTiles, &best_integer_tiles()};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) tiles.push_back(&kAvx2IntegerTiles);
#endif
  constexpr std::int64_t pairs = 9;
  for (const IntegerTiles* const set : tiles) {
    for (const IntegerTile& tile : {set->block, set->row}) {
      std::vector<std::int16_t> a(static_cast<std::size_t>(tile.rows * 2 * pairs)),
          b(static_cast<std::size_t>(tile.columns * 2 * pairs));
      for (std::size_t i = 0; i < a.size(); ++i)
        a[i] = static_cast<std::int16_t>(static_cast<int>(i * 37 % 511) - 255);
      for (std::size_t i = 0; i < b.size(); ++i)
        b[i] = static_cast<std::int16_t>(static_cast<int>(i * 91 % 511) - 255);
      std::vector<std::int32_t> c(static_cast<std::size_t>(tile.rows * tile.columns));
      tile.run(pairs, a.data(), 2 * pairs, b.data(), c.data(), tile.columns);
      for (std::int64_t i = 0; i < tile.rows; ++i) {
        for (std::int64_t j = 0; j < tile.columns; ++j) {
          std::int32_t sum = 0;
          for (std::int64_t p = 0; p < 2 * pairs; ++p)
            sum += a[static_cast<std::size_t>(i * 2 * pairs + p)] *
                   b[static_cast<std::size_t>((p / 2 * tile.columns + j) * 2 + p % 2)];
          REQUIRE(c[static_cast<std::size_t>(i * tile.columns + j)] == sum);
        }
      }
    }
  }
}

}  // namespace dormouse::engine
