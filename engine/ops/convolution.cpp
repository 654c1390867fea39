#include "engine/ops/convolution.h"

namespace dormouse::engine {
namespace {

constexpr std::int64_t kColumnElements = 1 << 16;  // of one block of columns: stays in L2
constexpr std::int64_t kMaxWeights = 1 << 24;      // of one output channel: bounds the columns

std::int64_t groups_of(const Attributes& attributes) { return attributes.integer("group", 1); }

std::span<const std::int64_t> spatial(const Shape& shape) { return std::span(shape.extents()).subspan(2); }

}  // namespace

Shape infer_convolution(const InferContext& context, const Shape& x, const Shape& w) {
  context.require(w.rank() == x.rank(), "weights and input differ in rank");
  context.require(w.is_static(), "the shape of the weights is not known");
  context.require(w.elements(1, w.rank()) <= kMaxWeights, "an output channel has more than 2^24 weights");
  const std::vector<std::int64_t> extents = infer_window(context, x, spatial(w));
  const std::int64_t groups = groups_of(context.attributes());
  context.require(groups >= 1 && w[0] >= 1 && w[0] % groups == 0,
                  "group does not divide the output channels");
  context.require(x[1] == kDynamic || (x[1] % groups == 0 && x[1] / groups == w[1]),
                  "input channels are not group times the weights' channels");
  const std::vector<std::int64_t> kernel = context.attributes().integers("kernel_shape");
  context.require(kernel.empty() || std::ranges::equal(kernel, spatial(w)),
                  "kernel_shape is not the weights'");
  Shape y{x[0], w[0]};
  for (const std::int64_t extent : extents) y.push_back(extent);
  return y;
}

void check_bias(const InferContext& context, std::size_t i, DType type, const Shape& y) {
  if (!context.has_input(i)) return;
  context.require(context.dtype(i) == type, "the bias is not " + std::string(word(type)));
  context.require(!context.has_shape(i) || context.shape(i) == Shape{y[1]},
                  "bias is not one per output channel");
}

Value bias_gradient(Value dy) {
  std::vector<std::int64_t> axes{0};
  for (std::size_t d = 2; d < dy.shape().rank(); ++d) axes.push_back(static_cast<std::int64_t>(d));
  return reduce_sum(dy, axes, false);
}

Convolution::Convolution(const Attributes& attributes, const Shape& x, const Shape& w, const Shape& y)
    : Convolution(window_of(attributes, x, y, spatial(w)), x[0], groups_of(attributes), w) {}

Convolution::Convolution(SlidingWindow slid, std::int64_t image_count, std::int64_t group_count,
                         const Shape& w)
    : window(slid),
      images(image_count),
      groups(group_count),
      m(w[0] / groups),
      k(w[1] * SlidingWindow::volume(window.kernel)),
      channels(w[1]),
      x_plane(SlidingWindow::volume(window.input)),
      y_plane(SlidingWindow::volume(window.output)),
      block(std::clamp<std::int64_t>(kColumnElements / std::max<std::int64_t>(k, 1), 64,
                                     std::max<std::int64_t>(y_plane, 64))) {}

}  // namespace dormouse::engine
