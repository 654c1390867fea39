#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct AreaTangent {
  template <class T>
  T operator()(T x) const {
    return std::atanh(x);
  }
};

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0);
  return {context.upstream() / (1.0 - x * x)};
}

}  // namespace

namespace ops {
extern const Op atanh{.name = "Atanh",
                      .since = 9,
                      .infer = infer_like_input,
                      .kernels = unary_kernels<AreaTangent>(Floating{}),
                      .gradient = gradient,
                      .in_place = true,
                      .elementwise = true,
                      .samples = unary_samples(-0.9, 0.9)};
}  // namespace ops

}  // namespace dormouse::engine
