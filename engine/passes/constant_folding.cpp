#include <algorithm>

#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/passes/pass.h"

namespace dormouse::engine {
namespace {

// A fold may not blow the model up: ConstantOfShape and Expand of weights stay nodes above this size.
constexpr std::size_t kLargestFold = 1 << 20;

bool all_constant(const Graph& graph, const Node& node) {
  return std::ranges::all_of(
      node.inputs, [&](ValueId id) { return id == kAbsent || graph.value(id).constant.has_value(); });
}

bool small_enough(const Graph& graph, const Node& node) {
  return std::ranges::all_of(node.outputs, [&](ValueId id) {
    const ValueInfo& value = graph.value(id);
    return value.shape_known && value.shape.is_static() &&
           static_cast<std::size_t>(value.shape.elements()) * size_of(value.dtype) <= kLargestFold;
  });
}

/// Computes now what does not depend on an input.
void run(Graph& graph) {
  std::vector<Node> kept;
  for (const Node& node : graph.nodes()) {
    if (!all_constant(graph, node) || !small_enough(graph, node)) {
      kept.push_back(node);
      continue;
    }
    std::vector<const Tensor*> inputs;
    for (const ValueId id : node.inputs)
      inputs.push_back(id == kAbsent ? nullptr : &*graph.value(id).constant);
    auto results = interpret(node, inputs);
    for (std::size_t i = 0; i < results.size(); ++i) graph.fold(node.outputs[i], std::move(results[i]));
  }
  graph.set_nodes(std::move(kept));
}

}  // namespace

extern const Pass constant_folding{.name = "constant folding", .run = run};

}  // namespace dormouse::engine
