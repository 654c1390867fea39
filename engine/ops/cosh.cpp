#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct HyperbolicCosine {
  template <class T>
  T operator()(T x) const {
    return std::cosh(x);
  }
};

Gradients gradient(const GradientContext& context) {
  return {context.upstream() * apply("Sinh", {context.input(0)})};
}

}  // namespace

namespace ops {
extern const Op cosh{.name = "Cosh",
                     .since = 9,
                     .infer = infer_like_input,
                     .kernels = unary_kernels<HyperbolicCosine>(Floating{}),
                     .gradient = gradient,
                     .in_place = true,
                     .elementwise = true,
                     .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
