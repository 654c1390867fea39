#include <immintrin.h>

#include "engine/kernels/ternary.h"

namespace dormouse::engine {
namespace {

// The sixteen-bit sums of so many blocks hold: each block adds at most 4 · 2 · 2 · 128 to one.
constexpr std::int64_t kBlocksAtOnce = 8;

__m256i widened(__m256i pairs) { return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)); }

// Codes are weights plus 1, since one operand of the multiplication has no sign: Σ x·code − Σ x.
std::int32_t dot(std::int64_t blocks, const std::uint8_t* weights, const std::int8_t* x) noexcept {
  const __m256i low = _mm256_set1_epi8(3), ones = _mm256_set1_epi8(1);
  __m256i sum = _mm256_setzero_si256();
  while (blocks > 0) {
    const std::int64_t now = blocks < kBlocksAtOnce ? blocks : kBlocksAtOnce;
    blocks -= now;
    __m256i products = _mm256_setzero_si256(), values = _mm256_setzero_si256();
    for (std::int64_t i = 0; i < now; ++i, weights += kTernaryBytes, x += kTernaryBlock) {
      const __m256i packed = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights));
      const auto add = [&](int part, __m256i codes) {
        const __m256i right = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + part * kTernaryBytes));
        products = _mm256_add_epi16(products, _mm256_maddubs_epi16(_mm256_and_si256(codes, low), right));
        values = _mm256_add_epi16(values, _mm256_maddubs_epi16(ones, right));
      };
      add(0, packed);
      add(1, _mm256_srli_epi16(packed, 2));
      add(2, _mm256_srli_epi16(packed, 4));
      add(3, _mm256_srli_epi16(packed, 6));
    }
    sum = _mm256_add_epi32(sum, widened(_mm256_sub_epi16(products, values)));
  }
  alignas(32) std::int32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), sum);
  std::int32_t total = 0;
  for (const std::int32_t lane : lanes) total += lane;
  return total;
}

}  // namespace

extern const TernaryDot kAvx2TernaryDot{dot};

}  // namespace dormouse::engine
