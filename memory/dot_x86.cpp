#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#include <algorithm>

#include "memory/dot_simd.h"

// Four rows at a time, so that each load of the query serves four and their sums are folded together.
namespace dormouse::memory {
namespace {

#define DORMOUSE_AVX2 __attribute__((target("avx2")))
#define DORMOUSE_AVXVNNI __attribute__((target("avx2,avxvnni")))
#define DORMOUSE_AVX512VNNI __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512vnni")))

constexpr std::size_t kGroup = 4;

/// The sums of four registers, in their order.
DORMOUSE_AVX2 inline __m128i fold(const __m256i (&sums)[kGroup]) {
  const __m256i pairs =
      _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
  return _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
}

/// The last group may be short: it repeats its first row, whose product is then dropped.
struct Group {
  Group(const std::int8_t* const* rows, std::size_t left) : count(std::min(left, kGroup)) {
    for (std::size_t r = 0; r < kGroup; ++r) row[r] = rows[r < count ? r : 0];
  }
  DORMOUSE_AVX2 void store(__m128i values, std::int32_t* products) const {
    if (count == kGroup) return _mm_storeu_si128(reinterpret_cast<__m128i*>(products), values);
    alignas(16) std::int32_t all[kGroup];
    _mm_store_si128(reinterpret_cast<__m128i*>(all), values);
    std::copy_n(all, count, products);
  }

  std::size_t count;
  const std::int8_t* row[kGroup];
};

DORMOUSE_AVX2 inline __m256i widen(const std::int8_t* codes) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes)));
}

DORMOUSE_AVX2 inline __m256i load(const std::int8_t* codes) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
}

DORMOUSE_AVX2 void dot_avx2(const std::int8_t* query, const std::int8_t* const* rows, std::size_t n,
                            std::size_t count, std::int32_t* products) noexcept {
  for (std::size_t i = 0; i < count; i += kGroup) {
    const Group group(rows + i, count - i);
    __m256i sums[kGroup] = {};
    for (std::size_t j = 0; j < n; j += 16) {
      const __m256i wide = widen(query + j);
      for (std::size_t r = 0; r < kGroup; ++r)
        sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(wide, widen(group.row[r] + j)));
    }
    group.store(fold(sums), products + i);
  }
}

// VNNI multiplies unsigned by signed bytes: a row's code x goes in as x ^ 0x80 = x + 128, and the 128 · Σ
// query too many are where the sums begin.

DORMOUSE_AVXVNNI void dot_avxvnni(const std::int8_t* query, const std::int8_t* const* rows, std::size_t n,
                                  std::size_t count, std::int32_t* products) noexcept {
  const __m256i flip = _mm256_set1_epi8(-128);
  __m256i excess = _mm256_setzero_si256();
  for (std::size_t j = 0; j < n; j += 32) excess = _mm256_dpbusd_avx_epi32(excess, flip, load(query + j));
  const __m256i start = _mm256_sub_epi32(_mm256_setzero_si256(), excess);
  for (std::size_t i = 0; i < count; i += kGroup) {
    const Group group(rows + i, count - i);
    __m256i sums[kGroup] = {start, start, start, start};
    for (std::size_t j = 0; j < n; j += 32) {
      const __m256i codes = load(query + j);
      for (std::size_t r = 0; r < kGroup; ++r)
        sums[r] = _mm256_dpbusd_avx_epi32(sums[r], _mm256_xor_si256(flip, load(group.row[r] + j)), codes);
    }
    group.store(fold(sums), products + i);
  }
}

// With a mask that takes all: g++ 12 sees an uninitialised value in the unmasked intrinsics (GCC bug 105593).
DORMOUSE_AVX512VNNI inline __m256i halve(__m512i sums) {
  return _mm256_add_epi32(_mm512_maskz_extracti64x4_epi64(0xff, sums, 0),
                          _mm512_maskz_extracti64x4_epi64(0xff, sums, 1));
}

DORMOUSE_AVX512VNNI void dot_avx512vnni(const std::int8_t* query, const std::int8_t* const* rows,
                                        std::size_t n, std::size_t count, std::int32_t* products) noexcept {
  const __m512i flip = _mm512_set1_epi8(-128);
  const std::size_t whole = n / 64 * 64;
  const __mmask64 rest = n == whole ? 0 : 0xffffffff;  // n is a multiple of 32
  const __m512i last = _mm512_maskz_loadu_epi8(rest, query + whole);
  __m512i excess = _mm512_dpbusd_epi32(_mm512_setzero_si512(), flip, last);
  for (std::size_t j = 0; j < whole; j += 64)
    excess = _mm512_dpbusd_epi32(excess, flip, _mm512_loadu_si512(query + j));
  const __m512i start = _mm512_sub_epi32(_mm512_setzero_si512(), excess);
  for (std::size_t i = 0; i < count; i += kGroup) {
    const Group group(rows + i, count - i);
    __m512i sums[kGroup] = {start, start, start, start};
    for (std::size_t j = 0; j < whole; j += 64) {
      const __m512i codes = _mm512_loadu_si512(query + j);
      for (std::size_t r = 0; r < kGroup; ++r)
        sums[r] =
            _mm512_dpbusd_epi32(sums[r], _mm512_xor_si512(flip, _mm512_loadu_si512(group.row[r] + j)), codes);
    }
    if (rest)
      for (std::size_t r = 0; r < kGroup; ++r)
        sums[r] = _mm512_dpbusd_epi32(
            sums[r], _mm512_xor_si512(flip, _mm512_maskz_loadu_epi8(rest, group.row[r] + whole)), last);
    const __m256i halves[kGroup] = {halve(sums[0]), halve(sums[1]), halve(sums[2]), halve(sums[3])};
    group.store(fold(halves), products + i);
  }
}

// Not every compiler's __builtin_cpu_supports knows this one.
bool has_avxvnni() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 &&
         (eax >> 4 & 1) != 0;
}

}  // namespace

std::size_t simd_dot_kernels(std::span<NamedDotKernel> out) {
  __builtin_cpu_init();
  std::size_t count = 0;
  const auto offer = [&](bool runs, NamedDotKernel kernel) {
    if (runs && count < out.size()) out[count++] = kernel;
  };
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
  offer(avx512, {"AVX-512 VNNI", dot_avx512vnni});
  offer(has_avxvnni(), {"AVX-VNNI", dot_avxvnni});
  offer(__builtin_cpu_supports("avx2"), {"AVX2", dot_avx2});
  return count;
}

}  // namespace dormouse::memory

#endif
