#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Rectify {
  template <class T>
  T operator()(T x) const {
    return x <= 0 ? T{0} : x;  // NaN passes
  }
};

// At 0 the derivative is taken as 0.
Gradients gradient(const GradientContext& context) {
  return {where(greater(context.input(0), scalar_like(context.input(0), 0)), context.upstream(),
                scalar_like(context.input(0), 0))};
}

}  // namespace

namespace ops {
extern const Op relu{.name = "Relu",
                     .since = 6,
                     .infer = infer_like_input,
                     .kernels = unary_kernels<Rectify>(Floating{}),
                     .gradient = gradient,
                     .in_place = true,
                     .elementwise = true,
                     .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
