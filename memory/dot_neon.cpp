#if defined(__aarch64__)

#include <arm_neon.h>
#include <sys/auxv.h>

#include "memory/dot_simd.h"

namespace dormouse::memory {
namespace {

// Products of two codes fit 16 bits, their pairwise sums are added up in 32.
void dot_neon(const std::int8_t* query, const std::int8_t* const* rows, std::size_t n, std::size_t count,
              std::int32_t* products) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    int32x4_t low = vdupq_n_s32(0), high = vdupq_n_s32(0);
    for (std::size_t j = 0; j < n; j += 16) {
      const int8x16_t a = vld1q_s8(query + j), b = vld1q_s8(rows[i] + j);
      low = vpadalq_s16(low, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
      high = vpadalq_s16(high, vmull_high_s8(a, b));
    }
    products[i] = vaddvq_s32(vaddq_s32(low, high));
  }
}

__attribute__((target("arch=armv8.2-a+dotprod"))) void dot_sdot(const std::int8_t* query,
                                                                const std::int8_t* const* rows, std::size_t n,
                                                                std::size_t count,
                                                                std::int32_t* products) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    int32x4_t low = vdupq_n_s32(0), high = vdupq_n_s32(0);
    for (std::size_t j = 0; j < n; j += 32) {  // n is a multiple of 32
      low = vdotq_s32(low, vld1q_s8(query + j), vld1q_s8(rows[i] + j));
      high = vdotq_s32(high, vld1q_s8(query + j + 16), vld1q_s8(rows[i] + j + 16));
    }
    products[i] = vaddvq_s32(vaddq_s32(low, high));
  }
}

}  // namespace

std::size_t simd_dot_kernels(std::span<NamedDotKernel> out) {
  constexpr unsigned long kDotProduct = 1ul << 20;  // HWCAP_ASIMDDP
  std::size_t count = 0;
  if (getauxval(AT_HWCAP) & kDotProduct) out[count++] = {"NEON sdot", dot_sdot};
  out[count++] = {"NEON", dot_neon};
  return count;
}

}  // namespace dormouse::memory

#endif
