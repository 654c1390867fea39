#include "engine/autodiff.h"

#include <algorithm>
#include <unordered_map>

#include "engine/op.h"
#include "engine/value.h"

namespace dormouse::engine {
namespace {

/// Which values lie on a path from the trainable set forward.
std::vector<bool> depends_on(const Graph& graph, std::span<const ValueId> wrt) {
  std::vector<bool> depends(graph.value_count(), false);
  for (const ValueId id : wrt) depends[static_cast<std::size_t>(id)] = true;
  for (const Node& node : graph.nodes()) {
    const bool reached = std::ranges::any_of(
        node.inputs, [&](ValueId id) { return id != kAbsent && depends[static_cast<std::size_t>(id)]; });
    if (!reached) continue;
    for (const ValueId id : node.outputs) depends[static_cast<std::size_t>(id)] = true;
  }
  return depends;
}

class Reverse {
 public:
  Reverse(Graph& graph, std::span<const ValueId> wrt) : graph_(graph), depends_(depends_on(graph, wrt)) {}

  void run(ValueId loss) {
    const Value start{&graph_, loss};
    gradients_[loss] = broadcast_to(scalar_like(start, 1), start);
    for (std::size_t i = graph_.nodes().size(); i-- > 0;) {
      const Node node = graph_.nodes()[i];  // a copy: appending nodes moves the originals
      visit(node);
    }
  }

  ValueId gradient(ValueId value) {
    if (const auto found = gradients_.find(value); found != gradients_.end()) return found->second.id;
    const Value like{&graph_, value};
    return broadcast_to(scalar_like(like, 0), like).id;
  }

 private:
  bool needed(ValueId id) const {
    return id != kAbsent && static_cast<std::size_t>(id) < depends_.size() &&
           depends_[static_cast<std::size_t>(id)];
  }

  void visit(const Node& node) {
    std::vector<Value> upstream;
    bool any = false;
    for (const ValueId id : node.outputs) {
      const auto found = gradients_.find(id);
      upstream.push_back(found == gradients_.end() ? Value{} : found->second);
      any = any || static_cast<bool>(upstream.back());
    }
    if (!any || std::ranges::none_of(node.inputs, [&](ValueId id) { return needed(id); })) return;
    if (!node.op->gradient)
      throw Failure(Errc::unsupported, std::string(node.op->name) + " (node " + node.name +
                                           "): has no gradient, and what is to be trained lies before it");
    const Gradients gradients = node.op->gradient(GradientContext(graph_, node, upstream));
    for (std::size_t i = 0; i < gradients.size() && i < node.inputs.size(); ++i)
      if (gradients[i] && needed(node.inputs[i])) accumulate(node.inputs[i], gradients[i]);
  }

  void accumulate(ValueId value, Value gradient) {
    const auto [entry, fresh] = gradients_.try_emplace(value, gradient);
    if (!fresh) entry->second = entry->second + gradient;
  }

  Graph& graph_;
  std::vector<bool> depends_;
  std::unordered_map<ValueId, Value> gradients_;
};

/// Operators build more than was asked for (the gradient of a frozen operand, say): drop what nothing reads.
void prune(Graph& graph, std::size_t first, std::span<const ValueId> wanted) {
  std::vector<bool> live(graph.value_count(), false);
  for (const ValueId id : wanted) live[static_cast<std::size_t>(id)] = true;
  std::vector<Node> kept;
  const auto& nodes = graph.nodes();
  for (std::size_t i = nodes.size(); i-- > 0;) {
    const bool used = i < first || std::ranges::any_of(nodes[i].outputs, [&](ValueId id) {
                        return live[static_cast<std::size_t>(id)];
                      });
    if (!used) continue;
    for (const ValueId id : nodes[i].inputs)
      if (id != kAbsent) live[static_cast<std::size_t>(id)] = true;
    kept.push_back(nodes[i]);
  }
  std::ranges::reverse(kept);
  graph.set_nodes(std::move(kept));
}

}  // namespace

std::vector<ValueId> differentiate(Graph& graph, ValueId loss, std::span<const ValueId> wrt) {
  const std::size_t before = graph.nodes().size();
  Reverse reverse(graph, wrt);
  reverse.run(loss);
  std::vector<ValueId> gradients;
  for (const ValueId id : wrt) gradients.push_back(reverse.gradient(id));
  prune(graph, before, gradients);
  return gradients;
}

}  // namespace dormouse::engine
