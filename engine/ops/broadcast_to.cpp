#include "engine/ops/expansion.h"

/// BroadcastTo(a, like): a repeated to the shape of `like`, whose elements are not read.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  if (!context.has_shape(1)) return context.set_output(0, context.dtype(0));
  if (context.has_shape(0)) {
    const std::optional<Shape> both = broadcast(context.shape(0), context.shape(1));
    context.require(both.has_value() && both->rank() == context.shape(1).rank(),
                    "a does not broadcast to like");
    context.require(!both->is_static() || !context.shape(1).is_static() || *both == context.shape(1),
                    "a does not broadcast to like");
  }
  set_checked_output(context, 0, context.dtype(0), context.shape(1));
}

Gradients gradient(const GradientContext& context) { return {sum_to(context.upstream(), context.input(0))}; }

}  // namespace

namespace ops {
extern const Op broadcast_to{
    .name = "BroadcastTo",
    .domain = "dormouse",
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .kernels = expansion_kernels(),
    .gradient = gradient,
    .elementwise = true,
    .samples = {{.shapes = {{3, 1}, {2, 3, 4}}, .frozen = {1}}, {.shapes = {{}, {2, 3}}, .frozen = {1}}}};
}  // namespace ops

}  // namespace dormouse::engine
