#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Tangent {
  template <class T>
  T operator()(T x) const {
    return std::tan(x);
  }
};

Gradients gradient(const GradientContext& context) {
  const Value y = context.output(0);
  return {context.upstream() * (y * y + 1.0)};
}

}  // namespace

namespace ops {
extern const Op tan{.name = "Tan",
                    .since = 7,
                    .infer = infer_like_input,
                    .kernels = unary_kernels<Tangent>(Floating{}),
                    .gradient = gradient,
                    .in_place = true,
                    .elementwise = true,
                    .samples = unary_samples(-1.2, 1.2)};
}  // namespace ops

}  // namespace dormouse::engine
