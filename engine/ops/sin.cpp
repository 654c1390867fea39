#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Sine {
  template <class T>
  T operator()(T x) const {
    return std::sin(x);
  }
};

Gradients gradient(const GradientContext& context) {
  return {context.upstream() * apply("Cos", {context.input(0)})};
}

}  // namespace

namespace ops {
extern const Op sin{.name = "Sin",
                    .since = 7,
                    .infer = infer_like_input,
                    .kernels = curve_kernels<Sine, &Curves::sin>(Floating{}),
                    .gradient = gradient,
                    .in_place = true,
                    .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
