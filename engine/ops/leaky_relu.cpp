#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

float slope(const Attributes& attributes) { return attributes.get<float>("alpha", 0.01f); }

void infer(InferContext& context) {
  check_attribute<float>(context, "alpha");
  infer_like_input(context);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const T alpha = static_cast<T>(slope(context.attributes));
  const std::span<const T> in = context.in<T>(0);
  const std::span<T> out = context.out<T>(0);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = in[i] < 0 ? alpha * in[i] : in[i];
}

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), upstream = context.upstream();
  const Value below = upstream * static_cast<double>(slope(context.attributes()));
  return {where(greater(scalar_like(x, 0), x), below, upstream)};
}

}  // namespace

namespace ops {
extern const Op leaky_relu{
    .name = "LeakyRelu",
    .since = 6,
    .infer = infer,
    .kernels = kernels<float, double>(compute<float>, compute<double>),
    .gradient = gradient,
    .in_place = true,
    .samples = {{.shapes = {{3, 7}}}, {.shapes = {{9}}, .attributes = {{"alpha", 0.25f}}}}};
}  // namespace ops

}  // namespace dormouse::engine
