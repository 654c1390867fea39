#include "drivers/xnnpack/sliding.h"

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

bool rounds_down(const engine::SlidingWindow& w, std::size_t axis) {
  const std::int64_t reach = (w.kernel[axis] - 1) * w.dilation[axis] + 1;
  const std::int64_t room = w.input[axis] + w.pad_begin[axis] + w.pad_end[axis] - reach;
  return w.output[axis] == room / w.stride[axis] + 1;
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
  return {.kernel_height = at(w.kernel, kHeight),
          .kernel_width = at(w.kernel, kWidth),
          .stride_height = at(w.stride, kHeight),
          .stride_width = at(w.stride, kWidth),
          .dilation_height = at(w.dilation, kHeight),
          .dilation_width = at(w.dilation, kWidth),
          .top = at(w.pad_begin, kHeight),
          .left = at(w.pad_begin, kWidth),
          .bottom = at(w.pad_end, kHeight),
          .right = at(w.pad_end, kWidth),
          .rounds_down = rounds_down(w, kHeight) && rounds_down(w, kWidth)};
}

}  // namespace dormouse::drivers::xnnpack
