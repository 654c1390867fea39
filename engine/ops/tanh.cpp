#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct HyperbolicTangent {
  template <class T>
  T operator()(T x) const {
    return std::tanh(x);
  }
};

Gradients gradient(const GradientContext& context) {
  const Value y = context.output(0);
  return {context.upstream() * (1.0 - y * y)};
}

}  // namespace

namespace ops {
extern const Op tanh{.name = "Tanh",
                     .since = 6,
                     .infer = infer_like_input,
                     .kernels = curve_kernels<HyperbolicTangent, &Curves::tanh>(Floating{}),
                     .gradient = gradient,
                     .in_place = true,
                     .elementwise = true,
                     .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
