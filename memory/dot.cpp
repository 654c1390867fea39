#include "memory/index.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace dormouse::memory {
namespace {

// Plain enough for the compiler to vectorise where vectors are part of the base architecture (NEON).
std::int32_t dot_portable(const std::int8_t* a, const std::int8_t* b, std::size_t n) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += std::int32_t{a[i]} * std::int32_t{b[i]};
  return sum;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) std::int32_t dot_avx2(const std::int8_t* a, const std::int8_t* b,
                                                      std::size_t n) {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t i = 0; i < n; i += 16) {
    const __m256i wide_a = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a + i)));
    const __m256i wide_b = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + i)));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(wide_a, wide_b));
  }
  const __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  const __m128i quarter = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0b01'00'11'10));
  return _mm_cvtsi128_si32(_mm_add_epi32(quarter, _mm_shuffle_epi32(quarter, 0b10'11'00'01)));
}
#endif

}  // namespace

DotKernel portable_dot() { return dot_portable; }

DotKernel best_dot() {
#if defined(__x86_64__)
  static const DotKernel chosen = __builtin_cpu_supports("avx2") ? dot_avx2 : dot_portable;
  return chosen;
#else
  return dot_portable;
#endif
}

}  // namespace dormouse::memory
