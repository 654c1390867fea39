#include "engine/ops/quantized_axis.h"

namespace dormouse::engine {

void check_quantized_axis(const InferContext& context) {
  const std::int64_t axis = context.attributes().integer("axis", 1);
  check_attribute<std::int64_t>(context, "saturate");  // of 8-bit floats only, which we have not
  if (context.attributes().integer("block_size", 0) != 0) context.unsupported("scales by block");
  if (!context.has_shape(0) || !context.has_shape(1)) return;
  const Shape &x = context.shape(0), &scale = context.shape(1);
  context.require(scale.is_static(), "the shape of the scale is not known");
  std::int64_t extent = 1;
  if (scale.elements() != 1) extent = x[context.axis(axis, x.rank())];
  require_one_or_each(context, 1, extent, "the scale");
  context.require(scale.rank() <= 1, "the scale is not a vector");
  if (context.has_input(2) && context.has_shape(2))
    context.require(context.shape(2).is_static() && context.shape(2).elements() == scale.elements(),
                    "scale and zero point differ in shape");
}

}  // namespace dormouse::engine
