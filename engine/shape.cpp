#include "engine/shape.h"

#include <algorithm>

#include "config/error.h"

namespace dormouse::engine {

bool Shape::is_static() const {
  return std::ranges::all_of(extents_, [](std::int64_t extent) { return extent >= 0; });
}

std::int64_t Shape::elements() const { return elements(0, rank()); }

std::int64_t Shape::elements(std::size_t first, std::size_t last) const {
  std::int64_t product = 1;
  for (std::size_t axis = first; axis < last; ++axis) {
    ensure(extents_[axis] >= 0, "elements of a static shape");
    if (__builtin_mul_overflow(product, extents_[axis], &product))
      throw Failure(Errc::too_large, "shape " + to_string(*this) + " has more elements than fit in memory");
  }
  return product;
}

bool compatible(const Shape& a, const Shape& b) {
  return std::ranges::equal(a, b, [](std::int64_t x, std::int64_t y) { return compatible(x, y); });
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (axis > 0) text += ", ";
    text += shape[axis] == kDynamic ? "?" : std::to_string(shape[axis]);
  }
  return text + "]";
}

namespace {

std::optional<std::int64_t> broadcast_extent(std::int64_t a, std::int64_t b) {
  if (a == b || b == 1) return a;
  if (a == 1) return b;
  if (a == kDynamic) return b;  // must turn out 1 or b; either way the result is b
  if (b == kDynamic) return a;
  return std::nullopt;
}

}  // namespace

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  const std::size_t rank = std::max(a.rank(), b.rank());
  std::vector<std::int64_t> extents(rank);
  for (std::size_t i = 0; i < rank; ++i) {  // i counts from the last axis
    const std::int64_t left = i < a.rank() ? a[a.rank() - 1 - i] : 1;
    const std::int64_t right = i < b.rank() ? b[b.rank() - 1 - i] : 1;
    const auto extent = broadcast_extent(left, right);
    if (!extent) return std::nullopt;
    extents[rank - 1 - i] = *extent;
  }
  return Shape(std::move(extents));
}

std::optional<std::size_t> normalise_axis(std::int64_t axis, std::size_t rank) {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) return std::nullopt;
  return static_cast<std::size_t>(axis < 0 ? axis + signed_rank : axis);
}

std::vector<std::int64_t> strides(const Shape& shape) {
  std::vector<std::int64_t> result(shape.rank());
  std::int64_t stride = 1;
  for (std::size_t axis = shape.rank(); axis-- > 0;) {
    result[axis] = stride;
    stride *= shape[axis];
  }
  return result;
}

}  // namespace dormouse::engine
