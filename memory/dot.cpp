#include "memory/dot.h"

#include <algorithm>
#include <array>

#include "memory/dot_simd.h"

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
                std::size_t count, const Measure* measures, float* scores) noexcept {
  constexpr std::size_t kBlock = 32;
  const DotKernel dot = best_dot();
  std::array<const std::int8_t*, kBlock> codes;
  std::array<std::int32_t, kBlock> products;
  for (std::size_t first = 0; first < count; first += kBlock) {
    const std::size_t size = std::min(kBlock, count - first);
    for (std::size_t i = 0; i < size; ++i) codes[i] = rows + (first + i) * n;
    dot(query, codes.data(), n, size, products.data());
    for (std::size_t i = 0; i < size; ++i)
      scores[first + i] = score(factor, products[i], measures[first + i]);
  }
}

ScoreKernel best_score() {
  static const ScoreKernel simd = simd_score_kernel();
  return simd ? simd : score_rows;
}

#if !defined(__x86_64__)
ScoreKernel simd_score_kernel() { return nullptr; }
#endif

#if !defined(__x86_64__) && !defined(__aarch64__)
std::size_t simd_dot_kernels(std::span<NamedDotKernel>) { return 0; }
#endif

}  // namespace dormouse::memory
