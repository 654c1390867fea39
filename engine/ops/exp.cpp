#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Exponential {
  template <class T>
  T operator()(T x) const {
    return std::exp(x);
  }
};

Gradients gradient(const GradientContext& context) { return {context.upstream() * context.output(0)}; }

}  // namespace

namespace ops {
extern const Op exp{.name = "Exp",
                    .since = 6,
                    .infer = infer_like_input,
                    .kernels = curve_kernels<Exponential, &Curves::exp>(Floating{}),
                    .gradient = gradient,
                    .in_place = true,
                    .elementwise = true,
                    .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
