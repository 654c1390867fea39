#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Logistic {
  template <class T>
  T operator()(T x) const {
    return T{1} / (T{1} + std::exp(-x));
  }
};

Gradients gradient(const GradientContext& context) {
  const Value y = context.output(0);
  return {context.upstream() * y * (1.0 - y)};
}

}  // namespace

namespace ops {
extern const Op sigmoid{.name = "Sigmoid",
                        .since = 6,
                        .infer = infer_like_input,
                        .kernels = curve_kernels<Logistic, &Curves::logistic>(Floating{}),
                        .gradient = gradient,
                        .in_place = true,
                        .elementwise = true,
                        .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
