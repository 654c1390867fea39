#include <arm_neon.h>

#include "engine/kernels/ternary.h"

namespace dormouse::engine {
namespace {

// The sixteen-bit sums of so many blocks hold: each block adds at most 8 · 128 to one.
constexpr std::int64_t kBlocksAtOnce = 31;

int8x16_t part(uint8x16_t packed, int s) {
  const uint8x16_t codes =
      vandq_u8(vshlq_u8(packed, vdupq_n_s8(static_cast<std::int8_t>(-2 * s))), vdupq_n_u8(3));
  return vsubq_s8(vreinterpretq_s8_u8(codes), vdupq_n_s8(1));
}

std::int32_t dot(std::int64_t blocks, const std::uint8_t* weights, const std::int8_t* x) noexcept {
  int32x4_t sum = vdupq_n_s32(0);
  while (blocks > 0) {
    const std::int64_t now = blocks < kBlocksAtOnce ? blocks : kBlocksAtOnce;
    blocks -= now;
    int16x8_t low = vdupq_n_s16(0), high = vdupq_n_s16(0);
    for (std::int64_t i = 0; i < now; ++i, x += kTernaryBlock)
      for (int half = 0; half < 2; ++half, weights += 16) {
        const uint8x16_t packed = vld1q_u8(weights);
#pragma GCC unroll 4
        for (int s = 0; s < 4; ++s) {
          const int8x16_t left = part(packed, s), right = vld1q_s8(x + s * kTernaryBytes + half * 16);
          low = vmlal_s8(low, vget_low_s8(left), vget_low_s8(right));
          high = vmlal_high_s8(high, left, right);
        }
      }
    sum = vpadalq_s16(vpadalq_s16(sum, low), high);
  }
  return vaddvq_s32(sum);
}

__attribute__((target("arch=armv8.2-a+dotprod"))) std::int32_t dot_sdot(std::int64_t blocks,
                                                                        const std::uint8_t* weights,
                                                                        const std::int8_t* x) noexcept {
  int32x4_t sum[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};
  for (std::int64_t i = 0; i < blocks; ++i, x += kTernaryBlock)
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half, weights += 16) {
      const uint8x16_t packed = vld1q_u8(weights);
#pragma GCC unroll 4
      for (int s = 0; s < 4; ++s)
        sum[half] = vdotq_s32(sum[half], part(packed, s), vld1q_s8(x + s * kTernaryBytes + half * 16));
    }
  return vaddvq_s32(vaddq_s32(sum[0], sum[1]));
}

}  // namespace

extern const TernaryDot kNeonTernaryDot{dot};
extern const TernaryDot kSdotTernaryDot{dot_sdot};

}  // namespace dormouse::engine
