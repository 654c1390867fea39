#include "engine/kernels/curves.h"

namespace dormouse::engine {
namespace {

const Curves& detect() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool fma = __builtin_cpu_supports("fma");
  if (__builtin_cpu_supports("avx512f") && fma) return kAvx512Curves;
  if (__builtin_cpu_supports("avx2") && fma) return kAvx2Curves;
#endif
  return kPortableCurves;
}

}  // namespace

const Curves& best_curves() {
  static const Curves& best = detect();
  return best;
}

}  // namespace dormouse::engine
