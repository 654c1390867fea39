#include <algorithm>
#include <unordered_map>

#include "engine/halves.h"
#include "engine/passes/rewrite.h"

/// Graphs of f16 computed in f32: exact where f16 rounds, and what drivers and vector instructions are made
/// for. Inputs and outputs stay f16.
namespace dormouse::engine {
namespace {

constexpr std::int64_t kOnnxFloat = 1, kOnnxHalf = 10;

bool is_half(const Graph& graph, ValueId id) { return id != kAbsent && graph.value(id).dtype == DType::f16; }

/// Worth it for the sake of products; moving and comparing halves needs no conversion.
bool multiplies_halves(const Graph& graph) {
  constexpr std::string_view products[] = {"Conv", "ConvTranspose", "GRU", "Gemm", "LSTM", "MatMul", "RNN"};
  return std::ranges::any_of(graph.nodes(), [&](const Node& node) {
    return node.op->domain.empty() && std::ranges::find(products, node.op->name) != std::end(products) &&
           is_half(graph, node.inputs[0]);
  });
}

/// Whether its types follow from its inputs alone.
bool follows_inputs(const Node& node) {
  for (const std::string_view name : {"to", "dtype", "output_dtype"})
    if (node.attributes.has(name)) return false;
  const bool has_tensor = std::ranges::any_of(node.attributes.entries(), [](const auto& entry) {
    return std::holds_alternative<Tensor>(entry.second);
  });
  return !has_tensor && !node.op->control && !is(node, "CastLike") && node.op->kernel_for(DType::f32);
}

class Widening {
 public:
  explicit Widening(Graph& graph) : graph_(graph) {}

  Changes run() {
    const std::vector<Node> nodes = graph_.nodes();  // a copy: new ones are appended to the originals
    for (const ValueId id : graph_.inputs()) halves_[id] = true;
    for (const Node& node : nodes) visit(node);
    for (const ValueId id : graph_.outputs()) narrow(id);
    graph_.set_nodes(std::move(kept_));
    return {{"operators on halves computed in f32", widened_}};
  }

 private:
  void visit(Node node) {
    if (is(node, "Cast") && is_half(graph_, node.outputs[0]) && !is_half(graph_, node.inputs[0])) {
      // Rounding to f16 is left to whoever needs halves.
      wide_[node.outputs[0]] = graph_.value(node.inputs[0]).dtype == DType::f32
                                   ? node.inputs[0]
                                   : add(*find_op("", "Cast"), node.inputs, {{"to", kOnnxFloat}});
      return;
    }
    const auto half = [&](ValueId id) { return is_half(graph_, id); };
    if (std::ranges::none_of(node.inputs, half) && std::ranges::none_of(node.outputs, half))
      return kept_.push_back(std::move(node));
    if (is(node, "Cast") || (follows_inputs(node) && std::ranges::any_of(node.inputs, half)))
      return compute_wide(std::move(node));
    for (const ValueId id : node.inputs) narrow(id);
    for (const ValueId id : node.outputs) halves_[id] = true;
    kept_.push_back(std::move(node));
  }

  void compute_wide(Node node) {
    for (ValueId& id : node.inputs)
      if (is_half(graph_, id)) id = wide(id);
    mark_of_halves(node.attributes);
    const std::vector<ValueId> made = graph_.add_node(
        *node.op, node.inputs, node.attributes, std::vector<std::string>(node.outputs.size()), node.name);
    // Outputs of other types stay the values they are; an f32 stands for a half.
    for (std::size_t i = 0; i < made.size(); ++i) {
      if (!is_half(graph_, node.outputs[i])) continue;
      wide_[node.outputs[i]] = made[i];
      node.outputs[i] = made[i];
    }
    ++widened_;
    kept_.push_back(std::move(node));
  }

  ValueId add(const Op& op, std::vector<ValueId> inputs, Attributes attributes) {
    const ValueId made = graph_.add_node(op, std::move(inputs), std::move(attributes))[0];
    kept_.push_back(graph_.nodes().back());
    return made;
  }

  ValueId wide(ValueId id) {
    const auto [entry, fresh] = wide_.try_emplace(id, kAbsent);
    if (!fresh) return entry->second;
    const auto constant = graph_.value(id).constant;
    const ValueId made = constant ? graph_.add_constant(graph_.value(id).name, constant->as(DType::f32))
                                  : add(*find_op("", "Cast"), {id}, {{"to", kOnnxFloat}});
    return wide_[id] = made;
  }

  /// Makes sure that `id` is made, where it is a half.
  void narrow(ValueId id) {
    if (!is_half(graph_, id) || graph_.value(id).constant || halves_.contains(id)) return;
    kept_.push_back({"", find_op("", "Cast"), {{"to", kOnnxHalf}}, {wide_.at(id)}, {id}});
    halves_[id] = true;
  }

  Graph& graph_;
  std::vector<Node> kept_;
  std::unordered_map<ValueId, ValueId> wide_;  ///< a half's f32
  std::unordered_map<ValueId, bool> halves_;   ///< those that are made as such
  std::size_t widened_ = 0;
};

Changes run(Graph& graph) { return multiplies_halves(graph) ? Widening(graph).run() : Changes{}; }

}  // namespace

extern const Pass halves{.name = "halves in f32", .run = run};

}  // namespace dormouse::engine
