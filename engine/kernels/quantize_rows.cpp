#include "engine/kernels/quantize_rows_body.h"

namespace dormouse::engine {
namespace {

const QuantizeRows& detect() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) return kAvx2QuantizeRows;
#endif
  return kPortableQuantizeRows;
}

}  // namespace

extern const QuantizeRows kPortableQuantizeRows = kQuantizeRows;

const QuantizeRows& best_quantize_rows() {
  static const QuantizeRows& best = detect();
  return best;
}

}  // namespace dormouse::engine
