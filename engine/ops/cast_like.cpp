#include "engine/ops/casting.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(1));
  context.set_output(0, context.dtype(1), context.shape(0));
}

}  // namespace

namespace ops {
extern const Op cast_like{
    .name = "CastLike",
    .since = 15,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .kernels = moving_kernels(cast_kernel, cast_kernel, cast_kernel, cast_kernel),
    .gradient = cast_gradient,
    .samples = {{.shapes = {{2, 3}, {1}}, .fixed = {{1, Tensor::scalar(1.0).reshaped({1})}}},
                {.shapes = {{2, 3}, {}}, .fixed = {{1, Tensor::scalar<std::int64_t>(1)}}}}};
}  // namespace ops

}  // namespace dormouse::engine
