#include "drivers/xnnpack/convolving.h"

#include <xnnpack.h>

#include "drivers/xnnpack/operands.h"
#include "drivers/xnnpack/sliding.h"

namespace dormouse::drivers::xnnpack {
Channels channels_of(const engine::Graph& graph, const engine::Node& node, std::size_t filter) {
  const engine::Shape& shape = input_shape(graph, node, filter);
  const auto groups = static_cast<std::size_t>(node.attributes.integer("group", 1));
  return {groups, static_cast<std::size_t>(shape[1]), static_cast<std::size_t>(shape[0]) / groups};
}

void define_convolution(Builder& builder, const engine::Node& node, std::size_t filter,
                        const Convolved& ids) {
  const Channels channels = channels_of(builder.graph(), node, filter);
  const Window2d w = window_2d(builder.graph(), node, filter);
  if (channels.depthwise()) {
    check(xnn_define_depthwise_convolution_2d(
              builder.subgraph(), w.top, w.right, w.bottom, w.left, w.kernel_height, w.kernel_width,
              w.stride_height, w.stride_width, w.dilation_height, w.dilation_width,
              static_cast<std::uint32_t>(channels.outputs), channels.groups, ids.clamp.low, ids.clamp.high,
              ids.image, ids.filter, ids.bias, ids.result, 0),
          "a depthwise Conv");
    return;
  }
  check(xnn_define_convolution_2d(builder.subgraph(), w.top, w.right, w.bottom, w.left, w.kernel_height,
                                  w.kernel_width, w.stride_height, w.stride_width, w.dilation_height,
                                  w.dilation_width, static_cast<std::uint32_t>(channels.groups),
                                  channels.inputs, channels.outputs, ids.clamp.low, ids.clamp.high, ids.image,
                                  ids.filter, ids.bias, ids.result, 0),
        "a Conv");
}

}  // namespace dormouse::drivers::xnnpack
