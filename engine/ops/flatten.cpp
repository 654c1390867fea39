#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

std::int64_t product(InferContext& context, const Shape& shape, std::size_t first, std::size_t last) {
  std::int64_t result = 1;
  for (std::size_t d = first; d < last; ++d) {
    if (shape[d] == kDynamic) return kDynamic;
    context.require(shape[d] == 0 || result <= INT64_MAX / shape[d], "the shape is too large");
    result *= shape[d];
  }
  return result;
}

void infer(InferContext& context) {
  const std::int64_t axis = context.attributes().integer("axis", 1);
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  const Shape& in = context.shape(0);
  const std::int64_t rank = static_cast<std::int64_t>(in.rank());
  context.require(axis >= -rank && axis <= rank, "axis is outside [-rank, rank]");
  const std::size_t split = axis_index(axis, in.rank());
  context.set_output(0, context.dtype(0),
                     {product(context, in, 0, split), product(context, in, split, in.rank())});
}

Gradients gradient(const GradientContext& context) {
  return {reshape_to(context.upstream(), context.input(0))};
}

Attributes axis(std::int64_t value) { return {{"axis", value}}; }

}  // namespace

namespace ops {
extern const Op flatten{.name = "Flatten",
                        .infer = infer,
                        .kernels = copy_kernels(),
                        .gradient = gradient,
                        .is_view = true,
                        .samples = {{.shapes = {{2, 3, 4}}},
                                    {.shapes = {{2, 3, 4}}, .attributes = axis(0)},
                                    {.shapes = {{2, 3, 4}}, .attributes = axis(-1)}}};
}  // namespace ops

}  // namespace dormouse::engine
