#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct AreaCosine {
  template <class T>
  T operator()(T x) const {
    return std::acosh(x);
  }
};

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0);
  return {context.upstream() / sqrt(x * x + -1.0)};
}

}  // namespace

namespace ops {
extern const Op acosh{.name = "Acosh",
                      .since = 9,
                      .infer = infer_like_input,
                      .kernels = unary_kernels<AreaCosine>(Floating{}),
                      .gradient = gradient,
                      .in_place = true,
                      .elementwise = true,
                      .samples = unary_samples(1.5, 4)};
}  // namespace ops

}  // namespace dormouse::engine
