#include "engine/ops/expansion.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  const IntegerList list = integer_list(context, "shape", 1);
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  if (!list.known) return set_output_of_length(context, context.dtype(0), 1, context.shape(0).rank());
  for (const std::int64_t extent : list.values) context.require(extent >= 0, "an extent is negative");
  std::optional<Shape> both = broadcast(context.shape(0), Shape(list.values));
  context.require(both.has_value(), "the input does not broadcast with the shape");
  set_checked_output(context, 0, context.dtype(0), *std::move(both));
}

Gradients gradient(const GradientContext& context) { return {sum_to(context.upstream(), context.input(0))}; }

}  // namespace

namespace ops {
extern const Op expand{
    .name = "Expand",
    .since = 8,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .kernels = expansion_kernels(),
    .gradient = gradient,
    .samples = {{.shapes = {{3, 1}, {3}}, .fixed = {{1, Tensor::from<std::int64_t>({3}, {2, 1, 4})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
