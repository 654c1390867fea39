#include "engine/ops/global_pooling.h"

namespace dormouse::engine {

void infer_global_pooling(InferContext& context) {
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  Shape shape = context.shape(0);
  context.require(shape.rank() >= 2, "expects [N, C, …]");
  for (std::size_t d = 2; d < shape.rank(); ++d) shape[d] = 1;
  context.set_output(0, context.dtype(0), std::move(shape));
}

}  // namespace dormouse::engine
