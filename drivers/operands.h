#pragma once

#include "engine/op.h"

/// What the kernels of any driver ask about a node's operands.
namespace dormouse::drivers {

inline bool has_input(const engine::Node& node, std::size_t i) {
  return i < node.inputs.size() && node.inputs[i] != engine::kAbsent;
}

inline bool has_output(const engine::Node& node, std::size_t i) {
  return i < node.outputs.size() && node.outputs[i] != engine::kAbsent;
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

}  // namespace dormouse::drivers
