#include "daemon/verbs/node_cost.h"

#include <set>
#include <string_view>

#include "engine/op.h"

namespace dormouse::daemon {

using namespace engine;

namespace {

// Multiplications behind each element of the output, or of ConvTranspose's input.
std::int64_t per_element(const Graph& graph, const Node& node) {
  const std::string_view op = node.op->name;
  const Shape& a = graph.value(node.inputs[0]).shape;
  if (op == "MatMul" || op == "MatMulInteger") return a.rank() == 0 ? 0 : a[a.rank() - 1];
  if (op == "Gemm") return node.attributes.integer("transA", 0) != 0 ? a[0] : a[1];
  const Shape& kernel = graph.value(node.inputs[1]).shape;
  return kernel.elements(1, kernel.rank());
}

std::int64_t bytes_of(const ValueInfo& value) {
  if (!value.shape_known || !value.shape.is_static()) return 0;
  return value.shape.elements() * static_cast<std::int64_t>(size_of(value.dtype));
}

std::int64_t bytes_of(const Graph& graph, const std::set<ValueId>& values) {
  std::int64_t bytes = 0;
  for (const ValueId id : values)
    if (id != kAbsent) bytes += bytes_of(graph.value(id));
  return bytes;
}

}  // namespace

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

Cost cost_of(const Graph& graph, const Node& node) {
  std::set<ValueId> touched(node.inputs.begin(), node.inputs.end());
  touched.insert(node.outputs.begin(), node.outputs.end());
  return {macs_of(graph, node).value_or(0), bytes_of(graph, touched)};
}

Cost cost_of(const Partition& partition) {
  const Graph& graph = *partition.graph;
  std::set<ValueId> touched(partition.inputs.begin(), partition.inputs.end());
  touched.insert(partition.outputs.begin(), partition.outputs.end());
  Cost cost;
  for (const std::size_t i : partition.nodes) {
    const Node& node = graph.nodes()[i];
    cost.macs += macs_of(graph, node).value_or(0);
    for (const ValueId id : node.inputs)
      if (id != kAbsent && graph.value(id).constant) touched.insert(id);
  }
  cost.bytes = bytes_of(graph, touched);
  return cost;
}

}  // namespace dormouse::daemon
