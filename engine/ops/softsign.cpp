#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Squash {
  template <class T>
  T operator()(T x) const {
    return x / (T{1} + std::fabs(x));
  }
};

Gradients gradient(const GradientContext& context) {
  const Value bound = apply("Abs", {context.input(0)}) + 1.0;
  return {context.upstream() / (bound * bound)};
}

}  // namespace

namespace ops {
extern const Op softsign{.name = "Softsign",
                         .since = 1,
                         .infer = infer_like_input,
                         .kernels = unary_kernels<Squash>(Floating{}),
                         .gradient = gradient,
                         .in_place = true,
                         .elementwise = true,
                         .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
