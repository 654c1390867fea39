#include "engine/ops/element_indexing.h"

namespace dormouse::engine {

void check_element_indices(const InferContext& context) {
  require_index_type(context, 1);
  const std::int64_t axis = context.attributes().integer("axis", 0);
  if (!context.has_shape(0) || !context.has_shape(1)) return;
  const Shape &data = context.shape(0), &indices = context.shape(1);
  context.require(data.rank() == indices.rank(), "indices and data differ in rank");
  const std::size_t along = context.axis(axis, data.rank());
  for (std::size_t d = 0; d < data.rank(); ++d)
    if (d != along && data[d] != kDynamic && indices[d] != kDynamic)
      context.require(indices[d] <= data[d], "there are more indices than data off the axis");
  const Tensor* const known = context.constant(1);
  const std::int64_t extent = data[along];
  if (known == nullptr || extent == kDynamic) return;
  for (const std::int64_t index : integer_values(context, *known))
    context.require(index >= -extent && index < extent, "an index is outside the axis");
}

}  // namespace dormouse::engine
