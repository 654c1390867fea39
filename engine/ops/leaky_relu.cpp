#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Leak {
  explicit Leak(const Attributes& attributes) : alpha(attributes.get<float>("alpha", 0.01f)) {}
  float alpha;
  template <class T>
  T operator()(T x) const {
    return x < 0 ? static_cast<T>(alpha) * x : x;
  }
};

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), upstream = context.upstream();
  const Value below = upstream * static_cast<double>(Leak(context.attributes()).alpha);
  return {where(greater(scalar_like(x, 0), x), below, upstream)};
}

}  // namespace

namespace ops {
extern const Op leaky_relu{
    .name = "LeakyRelu",
    .since = 6,
    .infer = infer_activation<Leak>,
    .kernels = unary_kernels<Leak>(Floating{}),
    .gradient = gradient,
    .in_place = true,
    .elementwise = true,
    .samples = {{.shapes = {{3, 7}}}, {.shapes = {{9}}, .attributes = {{"alpha", 0.25f}}}}};
}  // namespace ops

}  // namespace dormouse::engine
