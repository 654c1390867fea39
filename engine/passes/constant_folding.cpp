#include <algorithm>
#include <unordered_map>

#include "engine/interpreter.h"
#include "engine/kernel_call.h"
#include "engine/op.h"
#include "engine/ops/control_flow.h"
#include "engine/passes/pass.h"
#include "engine/passes/quantization.h"

namespace dormouse::engine {
namespace {

// A fold may not blow the model up: ConstantOfShape and Expand of weights stay nodes above this size. Views,
// as Reshape's, take no memory.
constexpr std::size_t kLargestFold = 1 << 20;

/// Computes now what does not depend on an input, and puts the branch that is taken in the place of an If
/// whose condition is known. One walk does: what is folded tells the nodes behind it their shapes, and those
/// the conditions behind them.
class Folding {
 public:
  explicit Folding(Graph& graph) : graph_(graph) {}

  Changes run() {
    for (Node& node : graph_.take_nodes()) visit(std::move(node));
    graph_.set_nodes(std::move(kept_));
    return std::move(changes_);
  }

 private:
  void visit(Node node) {
    for (ValueId& id : node.inputs) id = current(id);
    graph_.infer(node);
    if (node.op->control) {
      if (const Graph* const branch = taken_branch(node)) return put_in_place(node, *branch);
    } else if (small_enough(node)) {
      if (all_constant(node) && !dequantizes_constant(graph_, node)) return fold(node);
      if (node.op->of_shape && is_static(node.inputs[0])) return fold_shape(node);
    }
    kept_.push_back(std::move(node));
  }

  bool is_static(ValueId id) const {
    const ValueInfo& value = graph_.value(id);
    return value.shape_known && value.shape.is_static();
  }

  bool all_constant(const Node& node) const {
    return std::ranges::all_of(
        node.inputs, [&](ValueId id) { return id == kAbsent || graph_.value(id).constant.has_value(); });
  }

  bool small_enough(const Node& node) const {
    return std::ranges::all_of(node.outputs, [&](ValueId id) {
      const ValueInfo& value = graph_.value(id);
      const auto fits = [&] {
        return static_cast<std::size_t>(value.shape.elements()) * size_of(value.dtype) <= kLargestFold;
      };
      return is_static(id) && (node.op->is_view || fits());
    });
  }

  void fold(const Node& node) {
    ++changes_["nodes of constants computed"];
    std::vector<const Tensor*> inputs;
    for (const ValueId id : node.inputs)
      inputs.push_back(id == kAbsent ? nullptr : &*graph_.value(id).constant);
    auto results = interpret(node, inputs);
    for (std::size_t i = 0; i < results.size(); ++i) graph_.fold(node.outputs[i], std::move(results[i]));
  }

  void fold_shape(const Node& node) {
    ++changes_["shapes known"];
    const ValueInfo& in = graph_.value(node.inputs[0]);
    const ValueInfo& out = graph_.value(node.outputs[0]);
    Tensor result(out.dtype, out.shape);
    const View unseen{in.dtype, &in.shape, nullptr}, target = view_of(result);
    prepare(node, {&unseen, 1}, {&target, 1}).run({});
    graph_.fold(node.outputs[0], std::move(result));
  }

  /// The subgraph that an If runs whatever the inputs, or null.
  const Graph* taken_branch(const Node& node) const {
    if (node.op != find_op("", "If")) return nullptr;
    const auto& condition = graph_.value(node.inputs[0]).constant;
    if (!condition || condition->elements() != 1) return nullptr;
    const bool then = is_true(*condition);
    return node.attributes.find<std::shared_ptr<const Graph>>(then ? "then_branch" : "else_branch")->get();
  }

  void put_in_place(const Node& node, const Graph& branch) {
    ++changes_["If replaced by its branch"];
    std::unordered_map<ValueId, ValueId> here{{kAbsent, kAbsent}};
    for (std::size_t i = 0; i < branch.inputs().size(); ++i) here[branch.inputs()[i]] = node.inputs[1 + i];
    const auto map = [&](ValueId id) {
      if (const auto found = here.find(id); found != here.end()) return current(found->second);
      const ValueInfo& value = branch.value(id);
      return here[id] = graph_.add_constant(value.name, *value.constant);
    };
    for (const Node& inner : branch.nodes()) {
      std::vector<ValueId> inputs;
      for (const ValueId id : inner.inputs) inputs.push_back(map(id));
      std::vector<std::string> names;
      for (const ValueId id : inner.outputs) names.push_back(branch.value(id).name);
      const std::vector<ValueId> made =
          graph_.add_node(*inner.op, std::move(inputs), inner.attributes, std::move(names), inner.name);
      for (std::size_t i = 0; i < made.size(); ++i) here[inner.outputs[i]] = made[i];
      visit(graph_.nodes().back());
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) replace(node.outputs[i], map(branch.outputs()[i]));
  }

  ValueId current(ValueId id) const {
    const auto found = replaced_.find(id);
    return found == replaced_.end() ? id : found->second;
  }

  /// `old`, which no node makes any more, by `now`. The graph's outputs stay what they are called.
  void replace(ValueId old, ValueId now) {
    replaced_[old] = now;
    if (std::ranges::find(graph_.outputs(), old) != graph_.outputs().end())
      visit({"", find_op("", "Identity"), {}, {now}, {old}});
  }

  Graph& graph_;
  std::vector<Node> kept_;
  std::unordered_map<ValueId, ValueId> replaced_;
  Changes changes_;
};

Changes run(Graph& graph) { return Folding(graph).run(); }

}  // namespace

extern const Pass constant_folding{.name = "constant folding", .run = run};

}  // namespace dormouse::engine
