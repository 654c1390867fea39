#include "engine/quantizing/choice.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "engine/op.h"

namespace dormouse::engine {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::array<std::string_view, 8> kComputes{
    "Add", "Clip", "GlobalAveragePool", "Mul", "Relu", "Sigmoid", "Sub", "Tanh"};
constexpr std::array<std::string_view, 7> kMoves{"Concat",  "Flatten",   "MaxPool",  "Reshape",
                                                 "Squeeze", "Transpose", "Unsqueeze"};

bool is_one_of(const Node& node, Names names) {
  return node.op->domain.empty() && std::ranges::find(names, node.op->name) != names.end();
}

bool is(const Node& node, std::string_view op) { return node.op->domain.empty() && node.op->name == op; }

class Choosing {
 public:
  Choosing(const Graph& graph, const std::function<bool(const Node&)>& excluded)
      : graph_(graph), excluded_(excluded) {
    for (const Node& node : graph.nodes())
      for (const ValueId id : node.inputs)
        if (id != kAbsent) readers_[id].push_back(&node);
  }

  QuantizationChoice run() {
    for (const Node& node : graph_.nodes()) visit(node);
    for (auto& [id, group] : choice_.same_range) group = root(id);
    return std::move(choice_);
  }

 private:
  bool is_real(ValueId id) const { return id != kAbsent && graph_.value(id).dtype == DType::f32; }
  bool is_constant(ValueId id) const { return id == kAbsent || graph_.value(id).constant.has_value(); }

  void add(ValueId id) {
    if (choice_.same_range.try_emplace(id, id).second) choice_.values.push_back(id);
  }
  ValueId root(ValueId id) const {
    while (choice_.same_range.at(id) != id) id = choice_.same_range.at(id);
    return id;
  }

  /// What computes its result together with the reader that follows.
  bool absorbed(const Node& node) const {
    const ValueId made = node.outputs[0];
    const auto found = readers_.find(made);
    const bool shown = std::ranges::find(graph_.outputs(), made) != graph_.outputs().end();
    if (found == readers_.end() || found->second.size() != 1 || shown) return false;
    const Node& reader = *found->second.front();
    const bool clamps = is(reader, "Relu") || is(reader, "Clip");
    const bool biases = is(node, "MatMul") && is(reader, "Add") &&
                        (is_constant(reader.inputs[0]) || is_constant(reader.inputs[1]));
    return clamps || biases;
  }

  bool follows(const Node& node) const {
    // Bounds of Clip and shapes are constants, operands of arithmetic may not be.
    const bool binary = is(node, "Add") || is(node, "Mul") || is(node, "Sub");
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      const bool operand = i == 0 || binary || is(node, "Concat");
      if (operand ? !choice_.contains(id) : !is_constant(id)) return false;
    }
    return node.outputs.size() == 1 && is_real(node.outputs[0]);
  }

  /// Behind an absorbed node comes what is computed with it.
  bool completes(const Node& node) const {
    return std::ranges::any_of(node.inputs, [&](ValueId id) { return pending_.contains(id); });
  }

  void made(const Node& node) {
    if (absorbed(node))
      pending_[node.outputs[0]] = true;
    else
      add(node.outputs[0]);
  }

  void visit(const Node& node) {
    if (excluded_(node)) return;
    if (weighted(graph_, node)) {
      add(node.inputs[0]);
      choice_.weighted.insert(node.outputs[0]);
      return made(node);
    }
    if (completes(node)) return made(node);
    if (!follows(node)) return;
    if (is_one_of(node, kComputes)) return made(node);
    if (!is_one_of(node, kMoves)) return;
    add(node.outputs[0]);
    for (std::size_t i = 0; i < (is(node, "Concat") ? node.inputs.size() : 1); ++i)
      choice_.same_range[root(node.outputs[0])] = root(node.inputs[i]);
  }

  const Graph& graph_;
  const std::function<bool(const Node&)>& excluded_;
  QuantizationChoice choice_;
  std::unordered_map<ValueId, std::vector<const Node*>> readers_;
  std::unordered_map<ValueId, bool> pending_;
};

}  // namespace

std::optional<WeightedNode> weighted(const Graph& graph, const Node& node) {
  const bool conv = is(node, "Conv"), gemm = is(node, "Gemm"), matmul = is(node, "MatMul");
  if (!conv && !gemm && !matmul) return std::nullopt;
  const ValueInfo &left = graph.value(node.inputs[0]), &weights = graph.value(node.inputs[1]);
  const bool real = left.dtype == DType::f32 && !left.constant && weights.constant;
  if (!real || weights.shape.elements() == 0 || (!conv && weights.shape.rank() != 2)) return std::nullopt;
  const ValueId bias = node.inputs.size() > 2 ? node.inputs[2] : kAbsent;
  const std::size_t axis = conv || (gemm && node.attributes.integer("transB", 0) != 0) ? 0 : 1;
  if (bias != kAbsent) {
    const ValueInfo& added = graph.value(bias);
    if (!added.constant || added.shape.elements() != weights.shape[axis]) return std::nullopt;
  }
  const bool plain = node.attributes.get<float>("alpha", 1) == 1 &&
                     node.attributes.get<float>("beta", 1) == 1 && node.attributes.integer("transA", 0) == 0;
  if (gemm && !plain) return std::nullopt;
  return WeightedNode{axis, bias};
}

QuantizationChoice choose_quantization(const Graph& graph, const std::function<bool(const Node&)>& excluded) {
  return Choosing(graph, excluded).run();
}

}  // namespace dormouse::engine
