#include "drivers/xnnpack/layout.h"

namespace dormouse::drivers::xnnpack {

Extents extents(const engine::Shape& shape, Layout layout) {
  if (shape.rank() == 0) return {1};
  Extents rows(shape.begin(), shape.end());
  if (layout == Layout::rows) return rows;
  ensure(is_image(shape), "only images have channels");
  if (shape.rank() == 3) rows.insert(rows.begin() + 2, 1);
  if (layout == Layout::channels_first) return rows;
  return {rows[0], rows[2], rows[3], rows[1]};
}

std::size_t axis_in(Layout layout, std::size_t axis, std::size_t rank) {
  if (layout == Layout::rows) return axis;
  const std::size_t image_axis = rank == 3 && axis == 2 ? 3 : axis;
  if (layout == Layout::channels_first) return image_axis;
  return kToChannelsFirst[image_axis];
}

namespace {

template <class T>
void permute(std::span<const T> in, std::span<T> out, const Extents& counts, const Extents& steps) {
  Extents at(counts.size(), 0);
  std::size_t source = 0;
  for (T& element : out) {
    element = in[source];
    for (std::size_t axis = counts.size(); axis-- > 0;) {
      source += steps[axis];
      if (++at[axis] < counts[axis]) break;
      source -= steps[axis] * counts[axis];
      at[axis] = 0;
    }
  }
}

}  // namespace

engine::Tensor permuted(const engine::Tensor& tensor, const Extents& from, const Extents& permutation) {
  const std::size_t rank = from.size();
  Extents strides(rank, 1), counts(rank), steps(rank);
  for (std::size_t i = rank - 1; i > 0; --i) strides[i - 1] = strides[i] * from[i];
  for (std::size_t i = 0; i < rank; ++i) {
    counts[i] = from[permutation[i]];
    steps[i] = strides[permutation[i]];
  }
  engine::Tensor result(tensor.dtype(),
                        engine::Shape(std::vector<std::int64_t>(counts.begin(), counts.end())));
  ensure(tensor.elements() == result.elements(), "the extents are the tensor's");
  if (tensor.dtype() == engine::DType::i8)
    permute(tensor.values<std::int8_t>(), result.mutable_values<std::int8_t>(), counts, steps);
  else
    permute(tensor.values<float>(), result.mutable_values<float>(), counts, steps);
  return result;
}

}  // namespace dormouse::drivers::xnnpack
