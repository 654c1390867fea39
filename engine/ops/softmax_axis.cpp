#include "engine/ops/softmax_axis.h"

namespace dormouse::engine {

void infer_softmax(InferContext& context) {
  const std::int64_t axis = context.attributes().integer("axis", -1);
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  context.axis(axis, context.shape(0).rank());
  context.set_output(0, context.dtype(0), context.shape(0));
}

Lines softmax_lines(const KernelContext& context) {
  return {context.shape(0), axis_index(context.attributes.integer("axis", -1), context.shape(0).rank())};
}

}  // namespace dormouse::engine
