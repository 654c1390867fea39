#include <arm_neon.h>

#include "engine/kernels/half_rows.h"

namespace dormouse::engine {
namespace {

constexpr std::int64_t kLanes = 4;

void narrow(const float* from, Half* to, std::int64_t count) noexcept {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    vst1_u16(reinterpret_cast<std::uint16_t*>(to + i),
             vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(from + i))));
  for (; i < count; ++i) to[i].bits = __builtin_bit_cast(std::uint16_t, static_cast<__fp16>(from[i]));
}

void widen(const Half* from, float* to, std::int64_t count) noexcept {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    vst1q_f32(to + i,
              vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(reinterpret_cast<const std::uint16_t*>(from + i)))));
  for (; i < count; ++i) to[i] = __builtin_bit_cast(__fp16, from[i].bits);
}

}  // namespace

extern const HalfRows kNeonHalfRows{narrow, widen};

}  // namespace dormouse::engine
