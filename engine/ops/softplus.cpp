#include <algorithm>
#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct LogOfOnePlusExponential {
  template <class T>
  T operator()(T x) const {
    return std::max(x, T{0}) + std::log1p(std::exp(-std::fabs(x)));
  }
};

Gradients gradient(const GradientContext& context) {
  return {context.upstream() * sigmoid(context.input(0))};
}

}  // namespace

namespace ops {
extern const Op softplus{.name = "Softplus",
                         .since = 1,
                         .infer = infer_like_input,
                         .kernels = unary_kernels<LogOfOnePlusExponential>(Floating{}),
                         .gradient = gradient,
                         .in_place = true,
                         .elementwise = true,
                         .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
