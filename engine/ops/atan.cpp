#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct ArcTangent {
  template <class T>
  T operator()(T x) const {
    return std::atan(x);
  }
};

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0);
  return {context.upstream() / (x * x + 1.0)};
}

}  // namespace

namespace ops {
extern const Op atan{.name = "Atan",
                     .since = 7,
                     .infer = infer_like_input,
                     .kernels = curve_kernels<ArcTangent, &Curves::atan>(Floating{}),
                     .gradient = gradient,
                     .in_place = true,
                     .elementwise = true,
                     .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
