#include "engine/kernels/sigmoids.h"

namespace dormouse::engine {
namespace {

const Sigmoids& detect() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool fma = __builtin_cpu_supports("fma");
  if (__builtin_cpu_supports("avx512f") && fma) return kAvx512Sigmoids;
  if (__builtin_cpu_supports("avx2") && fma) return kAvx2Sigmoids;
#endif
  return kPortableSigmoids;
}

}  // namespace

const Sigmoids& best_sigmoids() {
  static const Sigmoids& best = detect();
  return best;
}

}  // namespace dormouse::engine
