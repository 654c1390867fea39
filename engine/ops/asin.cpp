#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct ArcSine {
  template <class T>
  T operator()(T x) const {
    return std::asin(x);
  }
};

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0);
  return {context.upstream() / sqrt(1.0 - x * x)};
}

}  // namespace

namespace ops {
extern const Op asin{.name = "Asin",
                     .since = 7,
                     .infer = infer_like_input,
                     .kernels = curve_kernels<ArcSine, &Curves::asin>(Floating{}),
                     .gradient = gradient,
                     .in_place = true,
                     .elementwise = true,
                     .samples = unary_samples(-0.9, 0.9)};
}  // namespace ops

}  // namespace dormouse::engine
