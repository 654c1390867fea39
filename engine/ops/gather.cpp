#include "engine/ops/gathering.h"
#include "engine/ops/slices.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_indices(context, 0, 1);
  if (!context.has_shape(0) || !context.has_shape(1)) return context.set_output(0, context.dtype(0));
  set_checked_output(context, 0, context.dtype(0),
                     gathered_shape(context, context.shape(0), context.shape(1)));
}

void compute(const KernelContext& context) noexcept { gather_slices(context, Gathering(context, 0, 1)); }

Gradients gradient(const GradientContext& context) {
  return {apply("GatherGrad", {context.upstream(), context.input(1), context.input(0)}, context.attributes(),
                "dormouse")};
}

}  // namespace

namespace ops {
/// Indices outside the axis are refused when they are known in advance; found at run time they gather zeros.
extern const Op gather{.name = "Gather",
                       .min_inputs = 2,
                       .max_inputs = 2,
                       .infer = infer,
                       .kernels = moving_kernels(compute, compute, compute, compute),
                       .gradient = gradient,
                       .samples = {{.shapes = {{4, 3}, {2, 2}},
                                    .fixed = {{1, Tensor::from<std::int64_t>({2, 2}, {0, -1, 0, 2})}}},
                                   {.shapes = {{2, 3, 4}, {}},
                                    .attributes = {{"axis", std::int64_t{-2}}},
                                    .fixed = {{1, Tensor::scalar<std::int64_t>(1)}}}}};
}  // namespace ops

}  // namespace dormouse::engine
