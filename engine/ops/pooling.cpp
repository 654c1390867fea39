#include "engine/ops/pooling.h"

namespace dormouse::engine {
namespace {

constexpr std::int64_t kMaxPlane = std::numeric_limits<std::int32_t>::max();  // see Offset

}  // namespace

Shape infer_pooled(const InferContext& context, const Shape& x) {
  const std::vector<std::int64_t> extents = infer_window(context, x, kernel_shape(context));
  std::int64_t plane = 1;
  for (std::size_t d = 2; d < x.rank(); ++d) {
    context.require(x[d] <= kMaxPlane / plane, "a plane has more than 2^31 elements");
    plane *= std::max<std::int64_t>(1, x[d]);  // a dynamic extent is known when it is run
  }
  Shape y{x[0], x[1]};
  for (const std::int64_t extent : extents) y.push_back(extent);
  return y;
}

void require_pooled(const InferContext& context, const Shape& x, const Shape& shape) {
  const Shape y = infer_pooled(context, x);
  context.require(y.rank() == shape.rank() && (!y.is_static() || !shape.is_static() || y == shape),
                  "the gradient has not the shape of the pooled input");
}

SlidingWindow pooling_window(const KernelContext& context, const Shape& x, const Shape& y) {
  return window_of(context.attributes, x, y, context.attributes.integers("kernel_shape"));
}

std::size_t largest_scratch(const Shape& y) {
  const std::int64_t outputs = y.elements(2, y.rank());
  return Scratch::bytes(outputs, sizeof(double)) + Scratch::bytes(outputs, sizeof(std::int64_t));
}

}  // namespace dormouse::engine
