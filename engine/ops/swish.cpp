#include "engine/kernels/exponential.h"
#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

/// x · sigmoid(alpha · x); SiLU with alpha 1.
struct SelfGated {
  explicit SelfGated(const Attributes& attributes) : alpha(attributes.get<float>("alpha", 1)) {}
  float alpha;
  template <class T>
  T operator()(T x) const {
    return x * fast_logistic(static_cast<T>(alpha) * x);
  }
};

// With s = sigmoid(alpha · x): y' = s + alpha · y · (1 - s).
Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0);
  const auto alpha = static_cast<double>(SelfGated(context.attributes()).alpha);
  const Value s = sigmoid(x * alpha);
  return {context.upstream() * (s + context.output(0) * (1.0 - s) * alpha)};
}

}  // namespace

namespace ops {
extern const Op swish{.name = "Swish",
                      .since = 24,
                      .infer = infer_activation<SelfGated>,
                      .kernels = unary_kernels<SelfGated>(Floating{}),
                      .gradient = gradient,
                      .in_place = true,
                      .elementwise = true,
                      .samples = {{.shapes = {{3, 7}}}, {.shapes = {{9}}, .attributes = {{"alpha", 1.5f}}}}};
}  // namespace ops

}  // namespace dormouse::engine
