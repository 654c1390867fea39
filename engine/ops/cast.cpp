#include "engine/ops/casting.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  const std::optional<DType> to = onnx_element_type(context.attributes().integer("to", 0));
  if (!to) context.unsupported("`to` names no element type we have");
  if (!context.has_shape(0)) return context.set_output(0, *to);
  context.set_output(0, *to, context.shape(0));
}

}  // namespace

namespace ops {
extern const Op cast{.name = "Cast",
                     .since = 6,
                     .infer = infer,
                     .kernels = moving_kernels(cast_kernel, cast_kernel, cast_kernel, cast_kernel),
                     .gradient = cast_gradient,
                     .elementwise = true,
                     .samples = {{.shapes = {{2, 3}}, .attributes = {{"to", std::int64_t{11}}}},
                                 {.shapes = {{2, 3}}, .attributes = {{"to", std::int64_t{7}}}}}};
}  // namespace ops

}  // namespace dormouse::engine
