#include "engine/ops/reduction.h"

namespace dormouse::engine {
namespace {

Gradients gradient(const GradientContext& context) {
  return {broadcast_to(restore_axes(context, context.upstream()), context.input(0))};
}

Attributes axes(std::vector<std::int64_t> list, std::int64_t keep) {
  return {{"axes", list}, {"keepdims", keep}};
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
    .samples = {{.shapes = {{2, 3, 4}}, .attributes = axes({1}, 1)},
                {.shapes = {{2, 3, 4}}, .attributes = axes({0, -1}, 0)},
                {.shapes = {{2, 40}}, .attributes = axes({1}, 0)},
                {.shapes = {{2, 3}}},
                {.shapes = {{2, 3}}, .attributes = {{"noop_with_empty_axes", std::int64_t{1}}}}}};
}  // namespace ops

}  // namespace dormouse::engine
