#pragma once

#include "drivers/xnnpack/kernel.h"
#include "engine/op.h"

/// What the kernels ask about a node's operands, and how they read them.
namespace dormouse::drivers::xnnpack {

inline bool has_input(const engine::Node& node, std::size_t i) {
  return i < node.inputs.size() && node.inputs[i] != engine::kAbsent;
}

inline const engine::Shape& input_shape(const engine::Graph& graph, const engine::Node& node, std::size_t i) {
  return graph.value(node.inputs[i]).shape;
}

inline const engine::Shape& output_shape(const engine::Graph& graph, const engine::Node& node) {
  return graph.value(node.outputs[0]).shape;
}

/// The constant that input i is, or null.
inline const engine::Tensor* constant(const engine::Graph& graph, const engine::Node& node, std::size_t i) {
  if (!has_input(node, i)) return nullptr;
  const auto& value = graph.value(node.inputs[i]).constant;
  return value ? &*value : nullptr;
}

/// For operators that work in any layout: channels-last when an operand is at hand that way and the others
/// can follow.
Layout shared_layout(const Builder& builder, const engine::Node& node);

/// For operators that give input 0, of the output's rank, in other extents: channels-last when that is at
/// hand so.
Layout selection_layout(const Builder& builder, const engine::Node& node);

/// Input i in that layout.
Id operand(Builder& builder, const engine::Node& node, std::size_t i, Layout layout);

}  // namespace dormouse::drivers::xnnpack
