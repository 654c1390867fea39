#include <unordered_map>

#include "engine/interpreter.h"
#include "engine/mapped.h"
#include "engine/on_demand.h"
#include "engine/ops/recurrent.h"
#include "engine/passes/rewrite.h"

namespace dormouse::engine {
namespace {

/// Transposes the constant W and R of recurrent operators: products of a few rows with matrices that lie so
/// are sums of whole rows, and larger ones pack them by copying; as ONNX has them they are dots, twice as
/// slow at each step.
class Transposing {
 public:
  explicit Transposing(Graph& graph) : graph_(graph) {}

  Changes run() {
    Changes changes;
    std::vector<Node> nodes = graph_.take_nodes();
    for (Node& node : nodes) {
      if (!is_recurrent(node) || node.attributes.has(recurrent::kTransposed)) continue;
      if (!is_matrix(node.inputs[1]) || !is_matrix(node.inputs[2])) continue;
      node.inputs[1] = transposed(node.inputs[1]);
      node.inputs[2] = transposed(node.inputs[2]);
      node.attributes.set(std::string(recurrent::kTransposed), std::int64_t{1});
      ++changes["recurrent weights transposed"];
    }
    graph_.set_nodes(std::move(nodes));
    return changes;
  }

 private:
  static bool is_recurrent(const Node& node) {
    return is(node, "LSTM") || is(node, "GRU") || is(node, "RNN") || node.op->name == "CfC";
  }

  bool is_matrix(ValueId id) const {
    const auto& constant = graph_.value(id).constant;
    return constant && constant->shape().rank() == 3;
  }

  /// [directions, m, n] as [directions, n, m].
  ValueId transposed(ValueId id) {
    const auto [entry, fresh] = done_.try_emplace(id, kAbsent);
    if (!fresh) return entry->second;
    const ValueInfo& value = graph_.value(id);
    const Tensor matrices = made(*value.constant);
    const Tensor* const given = &matrices;
    const Node transpose{
        "", find_op("", "Transpose"), {{"perm", std::vector<std::int64_t>{0, 2, 1}}}, {id}, {id}};
    Tensor turned = interpret(transpose, {&given, 1})[0];
    release_pages(matrices);
    return entry->second = graph_.add_constant(value.name + " transposed", std::move(turned));
  }

  Graph& graph_;
  std::unordered_map<ValueId, ValueId> done_;
};

Changes run(Graph& graph) { return Transposing(graph).run(); }

}  // namespace

extern const Pass recurrent_weights{.name = "recurrent weights", .run = run};

}  // namespace dormouse::engine
