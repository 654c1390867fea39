#include <algorithm>
#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Mish {
  template <class T>
  T operator()(T x) const {
    return x * std::tanh(std::max(x, T{0}) + std::log1p(std::exp(-std::fabs(x))));
  }
};

// y = x · tanh(softplus(x)), and softplus' = sigmoid.
Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), bound = tanh(apply("Softplus", {x}));
  return {context.upstream() * (bound + x * sigmoid(x) * (1.0 - bound * bound))};
}

}  // namespace

namespace ops {
extern const Op mish{.name = "Mish",
                     .since = 18,
                     .infer = infer_like_input,
                     .kernels = unary_kernels<Mish>(Floating{}),
                     .gradient = gradient,
                     .in_place = true,
                     .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
