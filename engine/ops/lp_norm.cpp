#include "engine/ops/lp_norm.h"

namespace dormouse::engine {

Value norm_slope(Value x, std::int64_t p) {
  if (p == 1) return apply("Sign", {x});
  if (p == 2) return x;
  return x * apply("Pow", {apply("Abs", {x}), scalar_like(x, static_cast<double>(p - 2))});
}

Value norm_root_slope(Value norm, std::int64_t p) {
  const Value zero = scalar_like(norm, 0);
  const Value power = apply("Pow", {norm, scalar_like(norm, static_cast<double>(1 - p))});
  return where(greater(norm, zero), power, zero);
}

}  // namespace dormouse::engine
