#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  const IntegerList axes = integer_list(context, "axes", 1);
  if (!axes.known || !context.has_shape(0)) return context.set_output(0, context.dtype(0));
  const Shape& in = context.shape(0);
  const std::vector<bool> named = axis_mask(context, axes.values, in.rank());
  Shape out;
  for (std::size_t d = 0; d < in.rank(); ++d) {
    if (!axes.given && in[d] == kDynamic) return context.set_output(0, context.dtype(0));
    if (named[d])
      context.require(in[d] == 1 || in[d] == kDynamic, "a squeezed dimension is not 1");
    else if (axes.given || in[d] != 1)
      out.push_back(in[d]);
  }
  context.set_output(0, context.dtype(0), std::move(out));
}

Gradients gradient(const GradientContext& context) {
  return {reshape_to(context.upstream(), context.input(0))};
}

}  // namespace

namespace ops {
extern const Op squeeze{
    .name = "Squeeze",
    .max_inputs = 2,
    .infer = infer,
    .kernels = copy_kernels(),
    .gradient = gradient,
    .is_view = true,
    .samples = {{.shapes = {{1, 3, 1}}},
                {.shapes = {{1, 3, 1}}, .attributes = {{"axes", std::vector<std::int64_t>{-1}}}},
                {.shapes = {{1, 3, 1}, {1}}, .fixed = {{1, Tensor::from<std::int64_t>({1}, {0})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
