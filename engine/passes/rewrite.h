#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/op.h"
#include "engine/passes/pass.h"

namespace dormouse::engine {

class Rewrite;

/// Looks at one node, all before it being rewritten already. Replaces it and says in a few words what became
/// of it, or leaves it alone and says nothing.
using Rule = std::function<std::string_view(Rewrite&, const Node&)>;

/// Applies `rule` to every node of `graph`, in topological order; counts what was done by its words.
Changes rewrite(Graph& graph, const Rule& rule);

/// A graph while a rule is applied to it.
///
/// A pattern is matched at its last node. What takes its place computes that node's output under the same id,
/// so the graph's outputs keep their names; what nothing reads any more goes.
class Rewrite {
 public:
  explicit Rewrite(Graph& graph);

  const ValueInfo& value(ValueId id) const { return graph_.value(id); }
  /// The constant that `id` is, or null; kAbsent is none.
  const Tensor* constant(ValueId id) const;
  /// The one element of a floating constant that does not raise the rank of `beside` when broadcast to it.
  std::optional<double> scalar(ValueId id, ValueId beside) const;
  /// The node that makes `id`, or null.
  const Node* maker(ValueId id) const;
  /// The same if it is the standard operator `op`.
  const Node* maker(ValueId id, std::string_view op) const;
  bool is_output(ValueId id) const;
  /// How often nodes read `id`; being an output of the graph counts once.
  std::size_t reads(ValueId id) const { return readers_[static_cast<std::size_t>(id)]; }
  /// One node reads `id`, once, and it is no output of the graph.
  bool read_once(ValueId id) const;

  ValueId add_constant(Tensor tensor);
  /// A new node in front of the one at hand; its one output.
  ValueId add(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {});
  /// Computes the one output of the node at hand so instead.
  void replace(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {});
  /// Lets the readers of the node's one output read `value` instead.
  void forward(ValueId value);

 private:
  friend Changes rewrite(Graph& graph, const Rule& rule);
  std::string_view visit(Node&& node, const Rule& rule);
  void finish();
  void keep(Node&& node);
  void grow();
  void release(const Node& node);
  Node*& made_by(ValueId id) { return makers_[static_cast<std::size_t>(id)]; }
  std::size_t& readers(ValueId id) { return readers_[static_cast<std::size_t>(id)]; }

  Graph& graph_;
  const Node* here_ = nullptr;
  std::deque<Node> kept_;             ///< without operator: gone
  std::vector<Node*> makers_;         ///< by value; null: none yet
  std::vector<std::size_t> readers_;  ///< by value; a graph output counts one more
  std::unordered_map<ValueId, ValueId> forwarded_;
};

/// `node` is the standard operator `op`.
bool is(const Node& node, std::string_view op);

}  // namespace dormouse::engine
