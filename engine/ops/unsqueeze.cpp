#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  const IntegerList axes = integer_list(context, "axes", 1);
  context.require(axes.given, "axes are missing");
  if (!axes.known || !context.has_shape(0)) return context.set_output(0, context.dtype(0));
  const Shape& in = context.shape(0);
  const std::size_t rank = in.rank() + axes.values.size();
  const std::vector<bool> inserted = axis_mask(context, axes.values, rank);
  Shape out;
  for (std::size_t d = 0, from = 0; d < rank; ++d) out.push_back(inserted[d] ? 1 : in[from++]);
  context.set_output(0, context.dtype(0), std::move(out));
}

Gradients gradient(const GradientContext& context) {
  return {reshape_to(context.upstream(), context.input(0))};
}

}  // namespace

namespace ops {
extern const Op unsqueeze{
    .name = "Unsqueeze",
    .max_inputs = 2,
    .infer = infer,
    .kernels = copy_kernels(),
    .gradient = gradient,
    .is_view = true,
    .samples = {{.shapes = {{2, 3}}, .attributes = {{"axes", std::vector<std::int64_t>{0, -1}}}},
                {.shapes = {{2, 3}, {2}}, .fixed = {{1, Tensor::from<std::int64_t>({2}, {1, 2})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
