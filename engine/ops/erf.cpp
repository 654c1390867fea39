#include <cmath>
#include <numbers>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct ErrorFunction {
  template <class T>
  T operator()(T x) const {
    return std::erf(x);
  }
};

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0);
  return {context.upstream() * exp(-(x * x)) * (2.0 / std::sqrt(std::numbers::pi))};
}

}  // namespace

namespace ops {
extern const Op erf{.name = "Erf",
                    .since = 9,
                    .infer = infer_like_input,
                    .kernels = curve_kernels<ErrorFunction, &Curves::erf>(Floating{}),
                    .gradient = gradient,
                    .in_place = true,
                    .elementwise = true,
                    .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
