#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Threshold {
  explicit Threshold(const Attributes& attributes) : alpha(attributes.get<float>("alpha", 1)) {}
  float alpha;
  template <class T>
  T operator()(T x) const {
    return x > static_cast<T>(alpha) ? x : T{0};
  }
};

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), zero = scalar_like(x, 0);
  const Value alpha = scalar_like(x, static_cast<double>(Threshold(context.attributes()).alpha));
  return {where(greater(x, alpha), context.upstream(), zero)};
}

}  // namespace

namespace ops {
extern const Op thresholded_relu{
    .name = "ThresholdedRelu",
    .since = 10,
    .infer = infer_activation<Threshold>,
    .kernels = unary_kernels<Threshold>(Floating{}),
    .gradient = gradient,
    .in_place = true,
    .elementwise = true,
    .samples = {{.shapes = {{3, 7}}}, {.shapes = {{9}}, .attributes = {{"alpha", -0.5f}}}}};
}  // namespace ops

}  // namespace dormouse::engine
