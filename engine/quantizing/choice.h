#pragma once

#include <functional>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/graph.h"

namespace dormouse::engine {

/// A convolution or product with constant weights, and how these are quantised.
struct WeightedNode {
  std::size_t axis;        ///< of the weights, input 1: their output channels
  ValueId bias = kAbsent;  ///< a constant for each of them
};

/// The weights of `node`, if it is a Conv, Gemm or MatMul of f32 with constant weights.
std::optional<WeightedNode> weighted(const Graph& graph, const Node& node);

/// Which values of a graph are quantised.
struct QuantizationChoice {
  std::vector<ValueId> values;                      ///< in the order in which they are made, inputs first
  std::unordered_set<ValueId> weighted;             ///< outputs of the weighted nodes that are
  std::unordered_map<ValueId, ValueId> same_range;  ///< by value: one of those that are moved to where it is

  bool contains(ValueId id) const { return same_range.contains(id); }
  ValueId group(ValueId id) const { return same_range.at(id); }
};

/// What weighted nodes read and make, and what operators make of such values alone that XNNPACK has on 8
/// bits. A value that only a clamp reads, or of a MatMul the addition of a constant, is not: they are
/// computed together.
/// `excluded` says of a node whether it stays as it is.
QuantizationChoice choose_quantization(const Graph& graph, const std::function<bool(const Node&)>& excluded);

}  // namespace dormouse::engine
