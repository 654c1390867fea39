#pragma once

#include <span>
#include <vector>

#include "engine/graph.h"

namespace dormouse::engine {

/// Runs one node on tensors with its portable kernel; null stands for an absent input. Shapes come from the
/// data, so operators with data-dependent shapes run here. Throws Failure(invalid / unsupported) as inference
/// does, or when the operator has no kernel for the type.
std::vector<Tensor> interpret(const Node& node, std::span<const Tensor* const> inputs);

/// Runs a whole graph node by node, each value in its own heap storage: any graph, no plan.
std::vector<Tensor> interpret(const Graph& graph, std::span<const Tensor> inputs);

}  // namespace dormouse::engine
