#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct HyperbolicSine {
  template <class T>
  T operator()(T x) const {
    return std::sinh(x);
  }
};

Gradients gradient(const GradientContext& context) {
  return {context.upstream() * apply("Cosh", {context.input(0)})};
}

}  // namespace

namespace ops {
extern const Op sinh{.name = "Sinh",
                     .since = 9,
                     .infer = infer_like_input,
                     .kernels = unary_kernels<HyperbolicSine>(Floating{}),
                     .gradient = gradient,
                     .in_place = true,
                     .elementwise = true,
                     .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
