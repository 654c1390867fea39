#include "daemon/verbs/graph_summary.h"

#include <set>
#include <string_view>

#include "engine/op.h"
#include "engine/passes/pass.h"

namespace dormouse::daemon {
namespace {

using namespace engine;

// Multiplications behind each element of the output, or of ConvTranspose's input.
std::int64_t per_element(const Graph& graph, const Node& node) {
  const std::string_view op = node.op->name;
  const Shape& a = graph.value(node.inputs[0]).shape;
  if (op == "MatMul" || op == "MatMulInteger") return a.rank() == 0 ? 0 : a[a.rank() - 1];
  if (op == "Gemm") return node.attributes.integer("transA", 0) != 0 ? a[0] : a[1];
  const Shape& kernel = graph.value(node.inputs[1]).shape;
  return kernel.elements(1, kernel.rank());
}

std::optional<std::int64_t> macs_of(const Graph& graph, const Node& node) {
  static const std::set<std::string_view> from_output{"MatMul", "MatMulInteger", "Gemm", "Conv",
                                                      "ConvInteger"};
  const bool transposed = node.op->name == "ConvTranspose";
  if (!transposed && !from_output.contains(node.op->name)) return 0;
  const ValueInfo& counted = graph.value(transposed ? node.inputs[0] : node.outputs[0]);
  for (const ValueId id : {node.inputs[0], node.inputs[1], node.outputs[0]})
    if (!graph.value(id).shape_known || !graph.value(id).shape.is_static()) return std::nullopt;
  return counted.shape.elements() * per_element(graph, node);
}

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
