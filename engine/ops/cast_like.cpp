#include "engine/kernels/convert.h"
#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(1));
  context.set_output(0, context.dtype(1), context.shape(0));
}

void compute(const KernelContext& context) noexcept {
  const View &in = context.inputs[0], &out = context.outputs[0];
  convert(in.dtype, in.data, out.dtype, out.data, static_cast<std::size_t>(in.elements()));
}

bool floating(DType type) { return type == DType::f32 || type == DType::f64; }

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0);
  if (!floating(x.dtype()) || !floating(context.output(0).dtype())) return {Value{}};
  return {cast(context.upstream(), x.dtype())};
}

}  // namespace

namespace ops {
extern const Op cast_like{
    .name = "CastLike",
    .since = 15,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .kernels = moving_kernels(compute, compute, compute, compute),
    .gradient = gradient,
    .samples = {{.shapes = {{2, 3}, {1}}, .fixed = {{1, Tensor::scalar(1.0).reshaped({1})}}},
                {.shapes = {{2, 3}, {}}, .fixed = {{1, Tensor::scalar<std::int64_t>(1)}}}}};
}  // namespace ops

}  // namespace dormouse::engine
