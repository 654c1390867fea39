#include "memory/dot.h"

#include <algorithm>
#include <array>
#include <limits>

#include "memory/dot_simd.h"
#include "memory/squares.h"

namespace dormouse::memory {
namespace {

// Plain enough for the compiler to vectorise with what the base architecture has.
void dot_portable(const std::int8_t* query, const std::int8_t* const* rows, std::size_t n, std::size_t count,
                  std::int32_t* products) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    const std::int8_t* row = rows[i];
    std::int32_t sum = 0;
    for (std::size_t j = 0; j < n; ++j) sum += std::int32_t{query[j]} * std::int32_t{row[j]};
    products[i] = sum;
  }
}

struct Kernels {
  std::array<NamedDotKernel, 4> all;
  std::size_t count;
};

Kernels detect() {
  Kernels found{};
  found.count = simd_dot_kernels(std::span(found.all).first(found.all.size() - 1));
  found.all[found.count++] = {"portable", dot_portable};
  return found;
}

}  // namespace

std::span<const NamedDotKernel> dot_kernels() {
  static const Kernels kernels = detect();
  return std::span(kernels.all).first(kernels.count);
}

void score_rows(const std::int8_t* query, float factor, const std::int8_t* rows, std::size_t n,
                std::size_t count, const Measure* measures, float* scores, float* least) noexcept {
  const DotKernel dot = best_dot();
  std::array<const std::int8_t*, kScoreBlock> codes;
  std::array<std::int32_t, kScoreBlock> products;
  for (std::size_t first = 0; first < count; first += kScoreBlock) {
    const std::size_t size = std::min(kScoreBlock, count - first);
    for (std::size_t i = 0; i < size; ++i) codes[i] = rows + (first + i) * n;
    dot(query, codes.data(), n, size, products.data());
    float lowest = std::numeric_limits<float>::infinity();
    for (std::size_t i = 0; i < size; ++i) {
      scores[first + i] = score(factor, products[i], measures[first + i]);
      lowest = std::min(lowest, scores[first + i]);
    }
    *least++ = lowest;
  }
}

std::size_t select_rows(const float* scores, const float* least, std::size_t blocks, Between between,
                        std::uint32_t* found) noexcept {
  std::size_t count = 0;
  for (std::size_t block = 0; block < blocks; ++block) {
    if (least[block] > between.upto) continue;
    for (std::size_t i = block * kScoreBlock; i < (block + 1) * kScoreBlock; ++i) {
      found[count] = static_cast<std::uint32_t>(i);
      count += scores[i] <= between.upto && scores[i] > between.above;
    }
  }
  return count;
}

const SquaresKernels& portable_squares() {
  static constexpr SquaresKernels kernels{
      [](const float* query, const std::int8_t* codes, float scale, std::size_t n) noexcept {
        return sum_of_squares(n,
                              [=](std::size_t i) { return query[i] - static_cast<float>(codes[i]) * scale; });
      },
      [](const float* a, const float* b, std::size_t n) noexcept {
        return sum_of_squares(n, [=](std::size_t i) { return double{a[i]} - double{b[i]}; });
      }};
  return kernels;
}

const SquaresKernels& best_squares() {
  static const SquaresKernels* const simd = simd_squares_kernels();
  return simd ? *simd : portable_squares();
}

ScoreKernel best_score() {
  static const ScoreKernel simd = simd_score_kernel();
  return simd ? simd : score_rows;
}

SelectKernel best_select() {
  static const SelectKernel simd = simd_select_kernel();
  return simd ? simd : select_rows;
}

#if !defined(__x86_64__)
ScoreKernel simd_score_kernel() { return nullptr; }
SelectKernel simd_select_kernel() { return nullptr; }
const SquaresKernels* simd_squares_kernels() { return nullptr; }
#endif

#if !defined(__x86_64__) && !defined(__aarch64__)
std::size_t simd_dot_kernels(std::span<NamedDotKernel>) { return 0; }
#endif

}  // namespace dormouse::memory
