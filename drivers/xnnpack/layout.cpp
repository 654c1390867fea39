#include "drivers/xnnpack/layout.h"

#include <span>

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

/// Axes of a permutation: how many elements, and how far apart they lie.
struct Axes {
  Extents counts, steps;

  /// Those of one element left out, and those that follow each other made one.
  void simplify() {
    Axes simple;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 1) continue;
      if (!simple.counts.empty() && simple.steps.back() == counts[i] * steps[i]) {
        simple.counts.back() *= counts[i];
        simple.steps.back() = steps[i];
      } else {
        simple.counts.push_back(counts[i]);
        simple.steps.push_back(steps[i]);
      }
    }
    *this = std::move(simple);
  }
};

Axes axes_of(const Extents& from, const Extents& permutation) {
  const std::size_t rank = from.size();
  Extents strides(rank, 1);
  for (std::size_t i = rank - 1; i > 0; --i) strides[i - 1] = strides[i] * from[i];
  Axes axes{Extents(rank), Extents(rank)};
  for (std::size_t i = 0; i < rank; ++i) {
    axes.counts[i] = from[permutation[i]];
    axes.steps[i] = strides[permutation[i]];
  }
  axes.simplify();
  return axes;
}

template <class T>
void gather(const T* in, T* out, std::span<const std::size_t> counts, std::span<const std::size_t> steps) {
  if (counts.empty()) {
    *out = *in;
  } else if (counts.size() == 1) {
    for (std::size_t i = 0; i < counts[0]; ++i) out[i] = in[i * steps[0]];
  } else {
    std::size_t inner = 1;
    for (const std::size_t count : counts.subspan(1)) inner *= count;
    for (std::size_t i = 0; i < counts[0]; ++i)
      gather(in + i * steps[0], out + i * inner, counts.subspan(1), steps.subspan(1));
  }
}

}  // namespace

bool keeps_order(const Extents& from, const Extents& permutation) {
  const Axes axes = axes_of(from, permutation);
  return axes.counts.empty() || (axes.counts.size() == 1 && axes.steps[0] == 1);
}

Extents reordered(const Extents& from, const Extents& permutation) {
  Extents result;
  for (const std::size_t axis : permutation) result.push_back(from[axis]);
  return result;
}

void permute(const engine::Tensor& tensor, const Extents& from, const Extents& permutation, std::byte* to) {
  const Axes axes = axes_of(from, permutation);
  std::size_t elements = 1;
  for (const std::size_t count : from) elements *= count;
  ensure(static_cast<std::size_t>(tensor.elements()) == elements, "the extents are the tensor's");
  if (tensor.dtype() == engine::DType::i8)
    gather(tensor.values<std::int8_t>().data(), reinterpret_cast<std::int8_t*>(to), axes.counts, axes.steps);
  else
    gather(tensor.values<float>().data(), reinterpret_cast<float*>(to), axes.counts, axes.steps);
}

engine::Tensor permuted(const engine::Tensor& tensor, const Extents& from, const Extents& permutation) {
  const Extents counts = reordered(from, permutation);
  engine::Tensor result(tensor.dtype(),
                        engine::Shape(std::vector<std::int64_t>(counts.begin(), counts.end())));
  ensure(tensor.elements() == result.elements(), "the extents are the tensor's");
  if (tensor.elements() > 0) permute(tensor, from, permutation, result.mutable_data());
  return result;
}

}  // namespace dormouse::drivers::xnnpack
