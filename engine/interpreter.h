#pragma once

#include <cstddef>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/graph.h"
#include "engine/op.h"

namespace dormouse::engine {

/// How many subgraphs one run of a model may run, iterations of loops above all. A model that wants more is
/// taken not to end.
inline constexpr std::size_t kMaxSubgraphRuns = 1'000'000;

/// Counts them, through all depths of one run.
class SubgraphRuns {
 public:
  /// Throws Failure(too_large) when there have been kMaxSubgraphRuns.
  void count();

 private:
  std::size_t count_ = 0;
};

/// Runs one node on tensors with its portable kernel; null stands for an absent input. Shapes come from the
/// data, so operators with data-dependent shapes run here. Throws Failure(invalid / unsupported) as inference
/// does, or when the operator has no kernel for the type.
std::vector<Tensor> interpret(const Node& node, std::span<const Tensor* const> inputs);

/// Throws Failure(expired) when a stop is requested.
void throw_if_stopped(const std::stop_token& stop);

/// Runs a whole graph node by node, each value in its own heap storage: any graph, no plan. `run` runs the
/// subgraphs of its nodes. Throws Failure(expired) between two nodes when it is to stop.
std::vector<Tensor> interpret(const Graph& graph, std::span<const Tensor> inputs, const RunSubgraph& run,
                              const std::stop_token& stop);
/// The same with the subgraphs interpreted too.
std::vector<Tensor> interpret(const Graph& graph, std::span<const Tensor> inputs);

}  // namespace dormouse::engine
