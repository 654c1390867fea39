#include "drivers/xnnpack/sliding.h"

#include <algorithm>

#include "drivers/xnnpack/operands.h"
#include "engine/ops/sliding.h"

namespace dormouse::drivers::xnnpack {
namespace {

std::vector<std::int64_t> kernel_extents(const engine::Graph& graph, const engine::Node& node,
                                         std::size_t filter) {
  if (!has_input(node, filter)) return node.attributes.integers("kernel_shape");
  const engine::Shape& shape = input_shape(graph, node, filter);
  return {shape.begin() + 2, shape.end()};
}

/// The padding behind the input under which the windows of all outputs fit.
std::int64_t behind(const engine::SlidingWindow& w, std::size_t axis) {
  const std::int64_t reach = (w.kernel[axis] - 1) * w.dilation[axis] + 1;
  const std::int64_t last = (w.output[axis] - 1) * w.stride[axis] - w.pad_begin[axis] + reach;
  return std::max(w.pad_end[axis], last - w.input[axis]);
}

}  // namespace

Window2d window_2d(const engine::Graph& graph, const engine::Node& node, std::size_t filter) {
  const engine::SlidingWindow w =
      engine::window_of(node.attributes, input_shape(graph, node, 0), output_shape(graph, node),
                        kernel_extents(graph, node, filter));
  const auto at = [](const engine::SlidingWindow::Extents& extents, std::size_t axis) {
    return static_cast<std::uint32_t>(extents[axis]);
  };
  constexpr std::size_t kHeight = 1, kWidth = 2;
  const std::int64_t bottom = behind(w, kHeight), right = behind(w, kWidth);
  return {.kernel_height = at(w.kernel, kHeight),
          .kernel_width = at(w.kernel, kWidth),
          .stride_height = at(w.stride, kHeight),
          .stride_width = at(w.stride, kWidth),
          .dilation_height = at(w.dilation, kHeight),
          .dilation_width = at(w.dilation, kWidth),
          .top = at(w.pad_begin, kHeight),
          .left = at(w.pad_begin, kWidth),
          .bottom = static_cast<std::uint32_t>(bottom),
          .right = static_cast<std::uint32_t>(right),
          .overhangs = bottom > w.pad_end[kHeight] || right > w.pad_end[kWidth]};
}

}  // namespace dormouse::drivers::xnnpack
