#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct ArcCosine {
  template <class T>
  T operator()(T x) const {
    return std::acos(x);
  }
};

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0);
  return {-(context.upstream() / sqrt(1.0 - x * x))};
}

}  // namespace

namespace ops {
extern const Op acos{.name = "Acos",
                     .since = 7,
                     .infer = infer_like_input,
                     .kernels = curve_kernels<ArcCosine, &Curves::acos>(Floating{}),
                     .gradient = gradient,
                     .in_place = true,
                     .elementwise = true,
                     .samples = unary_samples(-0.9, 0.9)};
}  // namespace ops

}  // namespace dormouse::engine
