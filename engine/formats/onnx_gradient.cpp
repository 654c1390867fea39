#include "engine/formats/onnx_gradient.h"

#include <unordered_map>

#include "engine/autodiff.h"

namespace dormouse::engine {
namespace {

using Names = std::vector<std::string>;

// Appends `part` to `graph`, reading `inputs` in place of its own; the values of its outputs.
std::vector<ValueId> splice(Graph& graph, const Graph& part, std::span<const ValueId> inputs) {
  std::unordered_map<ValueId, ValueId> map{{kAbsent, kAbsent}};
  for (std::size_t i = 0; i < inputs.size(); ++i) map.emplace(part.inputs()[i], inputs[i]);
  const auto mapped = [&](ValueId id) {
    const auto [entry, fresh] = map.try_emplace(id, kAbsent);
    if (fresh) entry->second = graph.add_constant("", part.value(id).constant.value());
    return entry->second;
  };
  for (const Node& node : part.nodes()) {
    std::vector<ValueId> read;
    for (const ValueId id : node.inputs) read.push_back(mapped(id));
    const auto made = graph.add_node(*node.op, std::move(read), node.attributes, Names(node.outputs.size()));
    for (std::size_t i = 0; i < made.size(); ++i) map.emplace(node.outputs[i], made[i]);
  }
  std::vector<ValueId> outputs;
  for (const ValueId id : part.outputs()) outputs.push_back(mapped(id));
  return outputs;
}

}  // namespace

bool is_gradient(const OnnxNode& node) {
  return node.op_type == "Gradient" && node.domain == "ai.onnx.preview.training";
}

OnnxGradient gradient_of(const OnnxNode& node) {
  const auto* const y = node.attributes.find<std::string>("y");
  const auto* const xs = node.attributes.find<Names>("xs");
  if (!y || !xs || xs->size() != node.outputs.size())
    throw Failure(Errc::corrupt, node.where + ": y, and one entry of xs for each output, are needed");
  OnnxGradient result{*y, *xs, node.attributes.get<Names>("zs", {})};
  if (result.xs.size() + result.zs.size() != node.inputs.size())
    throw Failure(Errc::corrupt, node.where + ": one input for each entry of xs and zs is needed");
  return result;
}

std::vector<ValueId> add_derivatives(Graph& graph, ValueId y, std::span<const ValueId> cut, std::size_t count,
                                     std::span<const ValueId> inputs) {
  Graph part = extract(graph, cut, std::span(&y, 1));
  const std::vector<ValueId> wrt(part.inputs().begin(),
                                 part.inputs().begin() + static_cast<std::ptrdiff_t>(count));
  part.set_outputs(differentiate(part, part.outputs()[0], wrt));
  return splice(graph, part, inputs);
}

}  // namespace dormouse::engine
