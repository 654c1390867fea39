#include "engine/ops/nd_indexing.h"

namespace dormouse::engine {
namespace {

std::size_t batch_dims(const Attributes& attributes) {
  return static_cast<std::size_t>(attributes.integer("batch_dims", 0));
}

void check_values(const InferContext& context, const Tensor& indices, const Shape& data, std::size_t first,
                  std::size_t length) {
  const std::vector<std::int64_t> values = integer_values(context, indices);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::int64_t extent = data[first + i % length];
    context.require(extent == kDynamic || (values[i] >= -extent && values[i] < extent),
                    "an index is outside its axis");
  }
}

}  // namespace

Shape nd_gathered_shape(const InferContext& context, const Shape& data, std::size_t indices) {
  const Shape& shape = context.shape(indices);
  const std::int64_t shared = context.attributes().integer("batch_dims", 0);
  context.require(data.rank() >= 1 && shape.rank() >= 1, "data and indices need a rank of at least 1");
  context.require(shared >= 0 && shared < static_cast<std::int64_t>(std::min(data.rank(), shape.rank())),
                  "batch_dims is out of range");
  const std::size_t batch = static_cast<std::size_t>(shared);
  for (std::size_t d = 0; d < batch; ++d)
    context.require(compatible(data[d], shape[d]), "data and indices differ in their batch dimensions");
  context.require(shape.back() != kDynamic, "the length of the index tuples is not known");
  context.require(shape.back() >= 0 && shape.back() <= static_cast<std::int64_t>(data.rank() - batch),
                  "the index tuples are longer than the data has dimensions");
  const std::size_t length = static_cast<std::size_t>(shape.back());
  if (const Tensor* const known = context.constant(indices); known && length > 0)
    check_values(context, *known, data, batch, length);
  Shape result;
  for (std::size_t d = 0; d + 1 < shape.rank(); ++d) result.push_back(shape[d]);
  for (std::size_t d = batch + length; d < data.rank(); ++d) result.push_back(data[d]);
  return result;
}

NdIndexing::NdIndexing(const KernelContext& context, std::size_t data, std::size_t indices_input)
    : indices(integer_values(context.inputs[indices_input])) {
  const Shape &from = context.shape(data), &shape = context.shape(indices_input);
  const std::size_t batch = batch_dims(context.attributes), length = static_cast<std::size_t>(shape.back());
  batches = shape.elements(0, batch);
  tuples = shape.elements(batch, shape.rank() - 1);
  slices = from.elements(batch, batch + length);
  inner = from.elements(batch + length, from.rank());
  for (std::size_t d = 0; d < length; ++d) extents.push_back(from[batch + d]);
}

std::int64_t NdIndexing::slice_of(std::int64_t tuple) const {
  const std::size_t first = static_cast<std::size_t>(tuple) * extents.size();
  std::int64_t slice = 0;
  for (std::size_t d = 0; d < extents.size(); ++d) {
    std::int64_t index = indices[first + d];
    if (index < 0) index += extents[d];
    if (index < 0 || index >= extents[d]) return -1;
    slice = slice * extents[d] + index;
  }
  return slice;
}

}  // namespace dormouse::engine
