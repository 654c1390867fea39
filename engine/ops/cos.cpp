#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Cosine {
  template <class T>
  T operator()(T x) const {
    return std::cos(x);
  }
};

Gradients gradient(const GradientContext& context) {
  return {-(context.upstream() * apply("Sin", {context.input(0)}))};
}

}  // namespace

namespace ops {
extern const Op cos{.name = "Cos",
                    .since = 7,
                    .infer = infer_like_input,
                    .kernels = curve_kernels<Cosine, &Curves::cos>(Floating{}),
                    .gradient = gradient,
                    .in_place = true,
                    .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
