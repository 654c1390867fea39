#include "engine/kernels/half_rows.h"

namespace dormouse::engine {
namespace {

void narrow(const float* from, Half* to, std::int64_t count) noexcept {
  for (std::int64_t i = 0; i < count; ++i) to[i] = to_half(from[i]);
}

void widen(const Half* from, float* to, std::int64_t count) noexcept {
  for (std::int64_t i = 0; i < count; ++i) to[i] = to_float(from[i]);
}

const HalfRows& detect() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  // Whatever has AVX2 has F16C, by which name compilers do not all know it.
  if (__builtin_cpu_supports("avx2")) return kF16cHalfRows;
#elif defined(__aarch64__)
  return kNeonHalfRows;
#endif
  return kPortableHalfRows;
}

}  // namespace

extern const HalfRows kPortableHalfRows{narrow, widen};

const HalfRows& best_half_rows() {
  static const HalfRows& best = detect();
  return best;
}

}  // namespace dormouse::engine
