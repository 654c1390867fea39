#include "daemon/verbs/graph_summary.h"

#include <set>

#include "engine/cost.h"
#include "engine/op.h"
#include "engine/passes/pass.h"

namespace dormouse::daemon {
namespace {

using namespace engine;

std::optional<std::int64_t> macs_of_one(Graph graph) {
  for (const ValueId id : graph.inputs()) {
    Shape shape = graph.value(id).shape;
    for (std::size_t d = 0; d < shape.rank(); ++d)
      if (shape[d] == kDynamic) shape[d] = 1;
    graph.set_input_shape(id, std::move(shape));
  }
  std::int64_t sum = 0;
  try {
    graph.reinfer();
    optimise(graph);  // exporters compute shapes from shapes
  } catch (const Failure&) {
    return std::nullopt;  // its dynamic extents do not go down to 1 together
  }
  for (const Node& node : graph.nodes()) {
    const std::optional<std::int64_t> macs = macs_of(graph, node);
    if (!macs) return std::nullopt;
    sum += *macs;
  }
  return sum;
}

}  // namespace

GraphSummary summarise(const Graph& graph) {
  GraphSummary result;
  for (const ValueId id : graph.inputs()) result.inputs.push_back(graph.value(id));
  for (const ValueId id : graph.outputs()) result.outputs.push_back(graph.value(id));
  std::set<ValueId> constants;
  for (const Node& node : graph.nodes()) {
    ++result.nodes;
    ++result.operators[std::string(node.op->name)];
    for (const ValueId id : node.inputs)
      if (id != kAbsent && graph.value(id).constant) constants.insert(id);
  }
  for (const ValueId id : constants) {
    result.parameters += graph.value(id).constant->elements();
    result.parameter_bytes += graph.value(id).constant->byte_size();
  }
  result.macs = macs_of_one(graph);
  return result;
}

}  // namespace dormouse::daemon
