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

/// XNNPACK refuses windows of one element, and max pools that skip elements.
bool supports(const Graph& graph, const Node& node) {
  if (!is_image(input_shape(graph, node, 0))) return false;
  const Window2d w = window_2d(graph, node);
  return w.kernel_height * w.kernel_width > 1;
}

bool supports_max(const Graph& graph, const Node& node) {
  if (!supports(graph, node)) return false;
  const Window2d w = window_2d(graph, node);
  return w.stride_height <= w.kernel_height && w.stride_width <= w.kernel_width;
}

/// XNNPACK divides by the elements inside the image.
bool supports_average(const Graph& graph, const Node& node) {
  if (!supports(graph, node)) return false;
  const Window2d w = window_2d(graph, node);
  const bool counts_padding = node.attributes.integer("count_include_pad", 0) != 0 && w.padded();
  return !counts_padding && w.dilation_height == 1 && w.dilation_width == 1;
}

void emit_max(Builder& builder, const Node& node) {
  const Window2d w = window_2d(builder.graph(), node);
  const Id from = builder.in(node.inputs[0], Layout::channels_last);
  check(xnn_define_max_pooling_2d(builder.subgraph(), w.top, w.right, w.bottom, w.left, w.kernel_height,
                                  w.kernel_width, w.stride_height, w.stride_width, w.dilation_height,
                                  w.dilation_width, -kInfinity, kInfinity, from,
                                  builder.out(node.outputs[0], Layout::channels_last), 0),
        "a MaxPool");
}

void emit_average(Builder& builder, const Node& node) {
  const Window2d w = window_2d(builder.graph(), node);
  const Id from = builder.in(node.inputs[0], Layout::channels_last);
  check(xnn_define_average_pooling_2d(builder.subgraph(), w.top, w.right, w.bottom, w.left, w.kernel_height,
                                      w.kernel_width, w.stride_height, w.stride_width, -kInfinity, kInfinity,
                                      from, builder.out(node.outputs[0], Layout::channels_last), 0),
        "an AveragePool");
}

bool supports_global_max(const Graph& graph, const Node& node) {
  const Shape& shape = input_shape(graph, node, 0);
  return is_image(shape) && shape.elements(2, shape.rank()) > 1;
}

/// One window over the whole image.
void emit_global_max(Builder& builder, const Node& node) {
  const Extents image = extents(input_shape(builder.graph(), node, 0), Layout::channels_last);
  const auto height = static_cast<std::uint32_t>(image[1]), width = static_cast<std::uint32_t>(image[2]);
  const Id from = builder.in(node.inputs[0], Layout::channels_last);
  check(xnn_define_max_pooling_2d(builder.subgraph(), 0, 0, 0, 0, height, width, height, width, 1, 1,
                                  -kInfinity, kInfinity, from,
                                  builder.out(node.outputs[0], Layout::channels_last), 0),
        "a GlobalMaxPool");
}

}  // namespace

extern const Kernel average_pool{"AveragePool", supports_average, emit_average};
extern const Kernel global_max_pool{"GlobalMaxPool", supports_global_max, emit_global_max};
extern const Kernel max_pool{"MaxPool", supports_max, emit_max, true, EightBit::moved};

}  // namespace dormouse::drivers::xnnpack
