#include "engine/ops/gathering.h"

namespace dormouse::engine {

void check_indices(const InferContext& context, std::size_t data, std::size_t indices) {
  const DType type = context.dtype(indices);
  context.require(type == DType::i64 || type == DType::i32, "expects indices of i64 or i32");
  const std::int64_t axis = context.attributes().integer("axis", 0);
  if (!context.has_shape(data)) return;
  const Shape& shape = context.shape(data);
  const std::int64_t extent = shape[context.axis(axis, shape.rank())];
  const Tensor* const known = context.constant(indices);
  if (known == nullptr || extent == kDynamic) return;
  for (const std::int64_t index : integer_values(context, *known))
    context.require(index >= -extent && index < extent, "an index is outside the axis");
}

Shape gathered_shape(const InferContext& context, const Shape& data, const Shape& indices) {
  const std::size_t axis = context.axis(context.attributes().integer("axis", 0), data.rank());
  Shape result;
  for (std::size_t d = 0; d < axis; ++d) result.push_back(data[d]);
  for (const std::int64_t extent : indices) result.push_back(extent);
  for (std::size_t d = axis + 1; d < data.rank(); ++d) result.push_back(data[d]);
  return result;
}

Gathering::Gathering(const KernelContext& context, std::size_t data, std::size_t indices_input)
    : indices(integer_values(context.inputs[indices_input])) {
  const Shape& shape = context.shape(data);
  const std::size_t axis = axis_index(context.attributes.integer("axis", 0), shape.rank());
  outer = shape.elements(0, axis);
  extent = shape[axis];
  inner = shape.elements(axis + 1, shape.rank());
}

}  // namespace dormouse::engine
