#include <xnnpack.h>

#include <limits>

#include "drivers/xnnpack/operands.h"
#include "drivers/xnnpack/sliding.h"

namespace dormouse::drivers::xnnpack {
namespace {

using engine::Graph;
using engine::Node;
using engine::Shape;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Filters must be known now: they are packed once. Signals and images, no volumes.
bool supports(const Graph& graph, const Node& node) {
  const bool bias_known = !has_input(node, 2) || constant(graph, node, 2);
  return is_image(input_shape(graph, node, 0)) && constant(graph, node, 1) && bias_known;
}

struct Sizes {
  std::size_t groups, inputs, outputs;  ///< channels of a group
  bool depthwise() const { return inputs == 1 && groups > 1; }
};

Sizes sizes_of(const Graph& graph, const Node& node) {
  const Shape& filter = input_shape(graph, node, 1);
  const auto groups = static_cast<std::size_t>(node.attributes.integer("group", 1));
  return {groups, static_cast<std::size_t>(filter[1]), static_cast<std::size_t>(filter[0]) / groups};
}

void emit(Builder& builder, const Node& node) {
  const Graph& graph = builder.graph();
  const Sizes sizes = sizes_of(graph, node);
  const Window2d w = window_2d(graph, node);
  const Extents filter_extents = extents(input_shape(graph, node, 1), Layout::channels_first);
  const Id input = builder.in(node.inputs[0], Layout::channels_last);
  const Id bias =
      has_input(node, 2) ? builder.weights(node.inputs[2], {sizes.groups * sizes.outputs}) : kNoId;
  if (sizes.depthwise()) {
    // [M, 1, KH, KW] → [1, KH, KW, M].
    const Id filter = builder.weights(node.inputs[1], filter_extents, {1, 2, 3, 0});
    const Id output = builder.out(node.outputs[0], Layout::channels_last);
    check(xnn_define_depthwise_convolution_2d(builder.subgraph(), w.top, w.right, w.bottom, w.left,
                                              w.kernel_height, w.kernel_width, w.stride_height,
                                              w.stride_width, w.dilation_height, w.dilation_width,
                                              static_cast<std::uint32_t>(sizes.outputs), sizes.groups,
                                              -kInfinity, kInfinity, input, filter, bias, output, 0),
          "a depthwise Conv");
    return;
  }
  const Id filter = builder.weights(node.inputs[1], filter_extents, kToChannelsLast);
  const Id output = builder.out(node.outputs[0], Layout::channels_last);
  check(xnn_define_convolution_2d(builder.subgraph(), w.top, w.right, w.bottom, w.left, w.kernel_height,
                                  w.kernel_width, w.stride_height, w.stride_width, w.dilation_height,
                                  w.dilation_width, static_cast<std::uint32_t>(sizes.groups), sizes.inputs,
                                  sizes.outputs, -kInfinity, kInfinity, input, filter, bias, output, 0),
        "a Conv");
}

}  // namespace

extern const Kernel conv{"Conv", supports, emit};

}  // namespace dormouse::drivers::xnnpack
