#include <algorithm>

#include "engine/kernels/exponential.h"
#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Mish {
  template <class T>
  T operator()(T x) const {
    const T e = fast_exp(std::min(x, T{20}));  // tanh(ln(1 + e)) = n / (n + 2); from 20 on it is 1
    const T n = e * (e + 2);
    return x * (n / (n + 2));
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
                     .elementwise = true,
                     .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
