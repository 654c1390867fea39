#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#include <algorithm>
#include <limits>

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

/// Eight sums, of which a gap's place chooses one, as sum_of_squares() has them.
struct Squares {
  DORMOUSE_AVX2 Squares() : low(_mm256_setzero_pd()), high(low) {}
  DORMOUSE_AVX2 void add(__m256d first, __m256d second) {
    low = _mm256_add_pd(low, _mm256_mul_pd(first, first));
    high = _mm256_add_pd(high, _mm256_mul_pd(second, second));
  }
  /// With the gaps that are left.
  template <class Gap>
  DORMOUSE_AVX2 double all(std::size_t whole, std::size_t n, const Gap& gap) const {
    alignas(32) double sums[8];
    _mm256_store_pd(sums, low);
    _mm256_store_pd(sums + 4, high);
    for (std::size_t i = whole; i < n; ++i) sums[i - whole] += gap(i) * gap(i);
    double sum = 0;
    for (const double one : sums) sum += one;
    return sum;
  }

  __m256d low, high;
};

DORMOUSE_AVX2 double squares_of_codes(const float* query, const std::int8_t* codes, float scale,
                                      std::size_t n) noexcept {
  Squares squares;
  const __m256 scales = _mm256_set1_ps(scale);
  const std::size_t whole = n / 8 * 8;
  for (std::size_t i = 0; i < whole; i += 8) {
    const __m128i eight = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes + i));
    const __m256 decoded = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(eight)), scales);
    const __m256 gaps = _mm256_sub_ps(_mm256_loadu_ps(query + i), decoded);
    squares.add(_mm256_cvtps_pd(_mm256_castps256_ps128(gaps)),
                _mm256_cvtps_pd(_mm256_extractf128_ps(gaps, 1)));
  }
  return squares.all(whole, n,
                     [=](std::size_t i) { return double{query[i] - static_cast<float>(codes[i]) * scale}; });
}

DORMOUSE_AVX2 double squares_of_floats(const float* a, const float* b, std::size_t n) noexcept {
  Squares squares;
  const std::size_t whole = n / 8 * 8;
  for (std::size_t i = 0; i < whole; i += 8)
    squares.add(
        _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(a + i)), _mm256_cvtps_pd(_mm_loadu_ps(b + i))),
        _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(a + i + 4)), _mm256_cvtps_pd(_mm_loadu_ps(b + i + 4))));
  return squares.all(whole, n, [=](std::size_t i) { return double{a[i]} - double{b[i]}; });
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

/// A query as its codes meet those of rows: 64 at a time, and the last 32 of some widths.
struct Wide {
  DORMOUSE_AVX512VNNI Wide(const std::int8_t* query, std::size_t n)
      : codes(query), whole(n / 64 * 64), rest(n == whole ? 0 : 0xffffffff), flip(_mm512_set1_epi8(-128)) {
    last = _mm512_maskz_loadu_epi8(rest, query + whole);
    __m512i excess = _mm512_dpbusd_epi32(_mm512_setzero_si512(), flip, last);
    for (std::size_t j = 0; j < whole; j += 64)
      excess = _mm512_dpbusd_epi32(excess, flip, _mm512_loadu_si512(query + j));
    start = _mm512_sub_epi32(_mm512_setzero_si512(), excess);
  }
  /// What its products with a group's rows come to.
  template <class Rows>
  DORMOUSE_AVX512VNNI void add_up(const Rows& rows, __m512i (&sums)[kGroup]) const {
    for (std::size_t r = 0; r < kGroup; ++r) sums[r] = start;
    for (std::size_t j = 0; j < whole; j += 64) {
      const __m512i query = _mm512_loadu_si512(codes + j);
      for (std::size_t r = 0; r < kGroup; ++r)
        sums[r] =
            _mm512_dpbusd_epi32(sums[r], _mm512_xor_si512(flip, _mm512_loadu_si512(rows[r] + j)), query);
    }
    if (rest)
      for (std::size_t r = 0; r < kGroup; ++r)
        sums[r] = _mm512_dpbusd_epi32(
            sums[r], _mm512_xor_si512(flip, _mm512_maskz_loadu_epi8(rest, rows[r] + whole)), last);
  }

  const std::int8_t* codes;
  std::size_t whole;
  __mmask64 rest;
  __m512i flip, last, start;
};

DORMOUSE_AVX512VNNI void dot_avx512vnni(const std::int8_t* query, const std::int8_t* const* rows,
                                        std::size_t n, std::size_t count, std::int32_t* products) noexcept {
  const Wide wide(query, n);
  for (std::size_t i = 0; i < count; i += kGroup) {
    const Group group(rows + i, count - i);
    __m512i sums[kGroup];
    wide.add_up(group.row, sums);
    const __m256i halves[kGroup] = {halve(sums[0]), halve(sums[1]), halve(sums[2]), halve(sums[3])};
    group.store(fold(halves), products + i);
  }
}

/// The sums of four registers within each quarter, in their order.
DORMOUSE_AVX512VNNI inline __m512i fold_quarters(const __m512i (&sums)[kGroup]) {
  const __m512i first = _mm512_add_epi32(_mm512_maskz_unpacklo_epi32(0xffff, sums[0], sums[1]),
                                         _mm512_maskz_unpackhi_epi32(0xffff, sums[0], sums[1]));
  const __m512i second = _mm512_add_epi32(_mm512_maskz_unpacklo_epi32(0xffff, sums[2], sums[3]),
                                          _mm512_maskz_unpackhi_epi32(0xffff, sums[2], sums[3]));
  return _mm512_add_epi32(_mm512_maskz_unpacklo_epi64(0xff, first, second),
                          _mm512_maskz_unpackhi_epi64(0xff, first, second));
}

DORMOUSE_AVX512VNNI inline __m128 score_group(__m128i products, float factor, const Measure* measures,
                                              float* scores) {
  const float* const at = &measures[0].norm;
  const __m128 first = _mm_loadu_ps(at), second = _mm_loadu_ps(at + 4);
  const __m128 norms = _mm_shuffle_ps(first, second, 0b10'00'10'00);
  const __m128 scales = _mm_mul_ps(_mm_set1_ps(factor), _mm_shuffle_ps(first, second, 0b11'01'11'01));
  const __m128 made = _mm_add_ps(norms, _mm_mul_ps(scales, _mm_cvtepi32_ps(products)));
  _mm_storeu_ps(scores, made);
  return made;
}

/// Four rows that lie side by side.
struct Neighbours {
  const std::int8_t* first;
  std::size_t n;
  const std::int8_t* operator[](std::size_t r) const { return first + r * n; }
};

DORMOUSE_AVX512VNNI inline float least_of(__m128 values) {
  values = _mm_min_ps(values, _mm_movehl_ps(values, values));
  return _mm_cvtss_f32(_mm_min_ss(values, _mm_movehdup_ps(values)));
}

// Eight rows of 32 codes at a time, two in a register, or four wider ones.
DORMOUSE_AVX512VNNI void score_avx512vnni(const std::int8_t* query, float factor, const std::int8_t* rows,
                                          std::size_t n, std::size_t count, const Measure* measures,
                                          float* scores, float* least) noexcept {
  const std::size_t whole = count / kScoreBlock * kScoreBlock;
  if (n == 32) {
    const __m512i flip = _mm512_set1_epi8(-128), codes = _mm512_maskz_broadcast_i64x4(0xff, load(query));
    const __m512i start =
        _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_dpbusd_epi32(_mm512_setzero_si512(), flip, codes));
    for (std::size_t block = 0; block < whole; block += kScoreBlock) {
      __m128 lowest = _mm_set1_ps(std::numeric_limits<float>::infinity());
      for (std::size_t i = block; i < block + kScoreBlock; i += 2 * kGroup) {
        __m512i sums[kGroup];
        for (std::size_t r = 0; r < kGroup; ++r)
          sums[r] = _mm512_dpbusd_epi32(
              start, _mm512_xor_si512(flip, _mm512_loadu_si512(rows + 32 * i + 64 * r)), codes);
        const __m512i folded = fold_quarters(sums);
        const __m256i even = _mm512_maskz_extracti64x4_epi64(0xff, folded, 0),
                      odd = _mm512_maskz_extracti64x4_epi64(0xff, folded, 1);
        const __m128i evens = _mm_add_epi32(_mm256_castsi256_si128(even), _mm256_extracti128_si256(even, 1));
        const __m128i odds = _mm_add_epi32(_mm256_castsi256_si128(odd), _mm256_extracti128_si256(odd, 1));
        const __m128 low = score_group(_mm_unpacklo_epi32(evens, odds), factor, measures + i, scores + i),
                     high = score_group(_mm_unpackhi_epi32(evens, odds), factor, measures + i + kGroup,
                                        scores + i + kGroup);
        lowest = _mm_min_ps(lowest, _mm_min_ps(low, high));
      }
      *least++ = least_of(lowest);
    }
  } else {
    const Wide wide(query, n);
    for (std::size_t block = 0; block < whole; block += kScoreBlock) {
      __m128 lowest = _mm_set1_ps(std::numeric_limits<float>::infinity());
      for (std::size_t i = block; i < block + kScoreBlock; i += kGroup) {
        __m512i sums[kGroup];
        wide.add_up(Neighbours{rows + i * n, n}, sums);
        const __m256i half = halve(fold_quarters(sums));
        const __m128i products =
            _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
        lowest = _mm_min_ps(lowest, score_group(products, factor, measures + i, scores + i));
      }
      *least++ = least_of(lowest);
    }
  }
  score_rows(query, factor, rows + whole * n, n, count - whole, measures + whole, scores + whole, least);
}

DORMOUSE_AVX512VNNI std::size_t select_avx512(const float* scores, const float* least, std::size_t blocks,
                                              Between between, std::uint32_t* found) noexcept {
  const __m512 above = _mm512_set1_ps(between.above), upto = _mm512_set1_ps(between.upto);
  const __m512i one_by_one = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  std::uint32_t* next = found;
  for (std::size_t block = 0; block < blocks; ++block) {
    if (least[block] > between.upto) continue;
    for (std::size_t i = block * kScoreBlock; i < (block + 1) * kScoreBlock; i += 16) {
      const __m512 values = _mm512_loadu_ps(scores + i);
      const __mmask16 wanted =
          _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(values, upto, _CMP_LE_OQ), values, above, _CMP_GT_OQ);
      const __m512i numbers = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(i)), one_by_one);
      // Where there is room: no more were found than were looked at. (A masked store is slow on some.)
      _mm512_storeu_si512(next, _mm512_maskz_compress_epi32(wanted, numbers));
      next += __builtin_popcount(wanted);
    }
  }
  return static_cast<std::size_t>(next - found);
}

// Not every compiler's __builtin_cpu_supports knows this one.
bool has_avxvnni() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 &&
         (eax >> 4 & 1) != 0;
}

bool has_avx512vnni() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}

}  // namespace

ScoreKernel simd_score_kernel() { return has_avx512vnni() ? score_avx512vnni : nullptr; }
const SquaresKernels* simd_squares_kernels() {
  static constexpr SquaresKernels kernels{squares_of_codes, squares_of_floats};
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") ? &kernels : nullptr;
}
SelectKernel simd_select_kernel() { return has_avx512vnni() ? select_avx512 : nullptr; }

std::size_t simd_dot_kernels(std::span<NamedDotKernel> out) {
  __builtin_cpu_init();
  std::size_t count = 0;
  const auto offer = [&](bool runs, NamedDotKernel kernel) {
    if (runs && count < out.size()) out[count++] = kernel;
  };
  offer(has_avx512vnni(), {"AVX-512 VNNI", dot_avx512vnni});
  offer(has_avxvnni(), {"AVX-VNNI", dot_avxvnni});
  offer(__builtin_cpu_supports("avx2"), {"AVX2", dot_avx2});
  return count;
}

}  // namespace dormouse::memory

#endif
