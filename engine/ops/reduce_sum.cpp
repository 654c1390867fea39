#include "engine/ops/reduction.h"

namespace dormouse::engine {
namespace {

Gradients gradient(const GradientContext& context) {
  return {broadcast_to(restore_axes(context, context.upstream()), context.input(0))};
}

}  // namespace

namespace ops {
extern const Op reduce_sum{
    .name = "ReduceSum",
    .max_inputs = 2,
    .infer = infer_reduction,
    .kernels = kernels<float, double, std::int32_t, std::int64_t>(
        sum_kernel<float>, sum_kernel<double>, sum_kernel<std::int32_t>, sum_kernel<std::int64_t>),
    .gradient = gradient,
    .samples = reduction_samples()};
}  // namespace ops

}  // namespace dormouse::engine
