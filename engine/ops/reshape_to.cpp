#include "engine/ops/inference.h"

/// ReshapeTo(a, like): a's elements under the shape of `like`, whose elements are not read.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  if (!context.has_shape(1)) return context.set_output(0, context.dtype(0));
  if (context.has_shape(0) && context.shape(0).is_static() && context.shape(1).is_static())
    context.require(context.shape(0).elements() == context.shape(1).elements(),
                    "the numbers of elements differ");
  context.set_output(0, context.dtype(0), context.shape(1));
}

Gradients gradient(const GradientContext& context) {
  return {reshape_to(context.upstream(), context.input(0))};
}

}  // namespace

namespace ops {
extern const Op reshape_to{.name = "ReshapeTo",
                           .domain = "dormouse",
                           .min_inputs = 2,
                           .max_inputs = 2,
                           .infer = infer,
                           .kernels = copy_kernels(),
                           .gradient = gradient,
                           .is_view = true,
                           .samples = {{.shapes = {{2, 3}, {3, 2, 1}}, .frozen = {1}}}};
}  // namespace ops

}  // namespace dormouse::engine
