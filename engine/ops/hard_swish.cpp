#include <algorithm>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct HardSwish {
  template <class T>
  T operator()(T x) const {
    return x * std::clamp(x / T{6} + T{0.5}, T{0}, T{1});
  }
};

// Between -3 and 3 y = x² / 6 + x / 2; below it is 0 and above x.
Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), upstream = context.upstream(), zero = scalar_like(x, 0);
  const Value inside = where(greater(x, scalar_like(x, -3)), upstream * (x * (1.0 / 3) + 0.5), zero);
  return {where(greater(x, scalar_like(x, 3)), upstream, inside)};
}

}  // namespace

namespace ops {
extern const Op hard_swish{.name = "HardSwish",
                           .since = 14,
                           .infer = infer_like_input,
                           .kernels = unary_kernels<HardSwish>(Floating{}),
                           .gradient = gradient,
                           .in_place = true,
                           .elementwise = true,
                           .samples = unary_samples(-5, 5)};
}  // namespace ops

}  // namespace dormouse::engine
