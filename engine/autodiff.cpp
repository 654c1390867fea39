#include "engine/autodiff.h"

#include <algorithm>
#include <array>
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

  void run(std::span<const Paired> outputs) {
    for (const auto& [output, upstream] : outputs) accumulate(output, Value{&graph_, upstream});
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

std::vector<ValueId> pull_back(Graph& graph, std::span<const Paired> outputs, std::span<const ValueId> wrt) {
  const std::size_t before = graph.nodes().size();
  Reverse reverse(graph, wrt);
  reverse.run(outputs);
  std::vector<ValueId> gradients;
  for (const ValueId id : wrt) gradients.push_back(reverse.gradient(id));
  prune(graph, before, gradients);
  return gradients;
}

std::vector<ValueId> differentiate(Graph& graph, ValueId loss, std::span<const ValueId> wrt) {
  const Value start{&graph, loss};
  const Value one = broadcast_to(scalar_like(start, 1), start);
  return pull_back(graph, std::array{Paired{loss, one.id}}, wrt);
}

std::vector<ValueId> push_forward(Graph& graph, std::span<const ValueId> outputs,
                                  std::span<const Paired> inputs) {
  const std::size_t before = graph.nodes().size();
  std::vector<Paired> pulled;
  std::vector<ValueId> dummies;
  for (const ValueId id : outputs) {
    // What is pulled back does not matter, only how the result depends on it.
    const Value output{&graph, id};
    dummies.push_back(broadcast_to(scalar_like(output, 0), output).id);
    pulled.push_back({id, dummies.back()});
  }
  std::vector<ValueId> moved;
  for (const Paired& input : inputs) moved.push_back(input.value);
  const std::vector<ValueId> first = pull_back(graph, pulled, moved);
  std::vector<Paired> tangents;
  for (std::size_t i = 0; i < inputs.size(); ++i) tangents.push_back({first[i], inputs[i].with});
  const std::vector<ValueId> second = pull_back(graph, tangents, dummies);
  prune(graph, before, second);
  return second;
}

}  // namespace dormouse::engine
