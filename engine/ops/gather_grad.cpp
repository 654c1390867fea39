#include "engine/ops/gathering.h"
#include "engine/ops/slices.h"

/// GatherGrad(dy, indices, like data), attribute axis: dy added to the slices it was gathered from. Of `data`
/// only the shape is read; indices outside the axis add nothing.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_indices(context, 2, 1);
  if (!context.has_shape(2)) return context.set_output(0, context.dtype(0));
  if (context.has_shape(0) && context.has_shape(1))
    require_gathered(context, gathered_shape(context, context.shape(2), context.shape(1)));
  context.set_output(0, context.dtype(0), context.shape(2));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  add_slices<T>(context, Gathering(context, 2, 1));
}

Gradients gradient(const GradientContext& context) {
  return {apply("Gather", {context.upstream(), context.input(1)}, context.attributes())};
}

}  // namespace

namespace ops {
extern const Op gather_grad{.name = "GatherGrad",
                            .domain = "dormouse",
                            .min_inputs = 3,
                            .max_inputs = 3,
                            .infer = infer,
                            .kernels = kernels<float, double>(compute<float>, compute<double>),
                            .gradient = gradient,
                            .samples = {{.shapes = {{2, 2, 3}, {2, 2}, {4, 3}},
                                         .fixed = {{1, Tensor::from<std::int64_t>({2, 2}, {0, -1, 0, 2})}},
                                         .frozen = {2}}}};
}  // namespace ops

}  // namespace dormouse::engine
