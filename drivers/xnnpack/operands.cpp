#include "drivers/xnnpack/operands.h"

namespace dormouse::drivers::xnnpack {

Layout shared_layout(const Builder& builder, const engine::Node& node) {
  const std::size_t rank = output_shape(builder.graph(), node).rank();
  if (!is_image(output_shape(builder.graph(), node))) return Layout::rows;
  bool any_last = false;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (!has_input(node, i) || constant(builder.graph(), node, i)) continue;
    if (input_shape(builder.graph(), node, i).rank() != rank) return Layout::rows;
    any_last |= builder.at_hand(node.inputs[i], Layout::channels_last);
  }
  return any_last ? Layout::channels_last : Layout::rows;
}

Layout selection_layout(const Builder& builder, const engine::Node& node) {
  const bool image = is_image(input_shape(builder.graph(), node, 0));
  return image && builder.at_hand(node.inputs[0], Layout::channels_last) ? Layout::channels_last
                                                                         : Layout::rows;
}

Id operand(Builder& builder, const engine::Node& node, std::size_t i, Layout layout) {
  if (!constant(builder.graph(), node, i)) return builder.in(node.inputs[i], layout);
  return builder.broadcast_constant(node.inputs[i], output_shape(builder.graph(), node).rank(), layout);
}

}  // namespace dormouse::drivers::xnnpack
