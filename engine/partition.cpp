#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "engine/op.h"
#include "engine/plan.h"

namespace dormouse::engine {
namespace {

const Driver* first_supporting(const Graph& graph, const Node& node, std::span<const Driver* const> drivers) {
  const auto found =
      std::ranges::find_if(drivers, [&](const Driver* driver) { return driver->supports(graph, node); });
  return found == drivers.end() ? nullptr : *found;
}

/// Topological order that stays on one driver as long as any of its nodes is ready.
std::vector<std::size_t> grouped_order(const Graph& graph, std::span<const Driver* const> choice) {
  const auto& nodes = graph.nodes();
  std::unordered_map<ValueId, std::size_t> maker;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (const ValueId id : nodes[i].outputs) maker[id] = i;
  std::vector<std::size_t> waiting(nodes.size(), 0);
  std::vector<std::vector<std::size_t>> readers(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (const ValueId id : nodes[i].inputs)
      if (const auto found = maker.find(id); found != maker.end()) {
        ++waiting[i];
        readers[found->second].push_back(i);
      }
  std::vector<std::size_t> ready, order;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (waiting[i] == 0) ready.push_back(i);
  const Driver* current = nullptr;
  while (!ready.empty()) {
    auto next = std::ranges::find_if(ready, [&](std::size_t i) { return choice[i] == current; });
    if (next == ready.end()) next = ready.begin();
    const std::size_t node = *next;
    ready.erase(next);
    current = choice[node];
    order.push_back(node);
    for (const std::size_t reader : readers[node])
      if (--waiting[reader] == 0) ready.push_back(reader);
  }
  ensure(order.size() == nodes.size(), "a graph is acyclic");
  return order;
}

/// What partitions of a graph read from and give to the rest of it. Reads are counted once for all of them: a
/// training step through time has tens of thousands of nodes, and thousands of partitions.
class Borders {
 public:
  explicit Borders(const Graph& graph) : graph_(graph), reads_(graph.value_count(), 0) {
    for (const ValueId id : graph.outputs()) ++reads_[static_cast<std::size_t>(id)];
    for (const Node& node : graph.nodes())
      for (const ValueId id : node.inputs)
        if (id != kAbsent) ++reads_[static_cast<std::size_t>(id)];
  }

  void fill_in(Partition& partition) const {
    std::unordered_set<ValueId> made;
    std::unordered_map<ValueId, std::size_t> read_inside;
    for (const std::size_t i : partition.nodes) {
      const Node& node = graph_.nodes()[i];
      for (const ValueId id : node.inputs) {
        if (id == kAbsent) continue;
        if (++read_inside[id] == 1 && !graph_.value(id).constant && !made.contains(id))
          partition.inputs.push_back(id);
      }
      made.insert(node.outputs.begin(), node.outputs.end());
    }
    for (const std::size_t i : partition.nodes)
      for (const ValueId id : graph_.nodes()[i].outputs)
        if (id != kAbsent && reads_[static_cast<std::size_t>(id)] > read_inside[id])
          partition.outputs.push_back(id);
  }

 private:
  const Graph& graph_;
  std::vector<std::size_t> reads_;  ///< of each value, being an output of the graph included
};

}  // namespace

std::vector<Step> partition(const Graph& graph, std::span<const Driver* const> drivers) {
  std::vector<const Driver*> choice;
  for (const Node& node : graph.nodes()) choice.push_back(first_supporting(graph, node, drivers));
  std::vector<Step> groups;
  for (const std::size_t node : grouped_order(graph, choice)) {
    if (groups.empty() || groups.back().driver != choice[node])
      groups.push_back({choice[node], {&graph, {}, {}, {}}});
    groups.back().partition.nodes.push_back(node);
  }
  const Borders borders(graph);
  std::vector<Step> steps;
  for (Step& group : groups) {
    if (group.driver) {
      borders.fill_in(group.partition);
      if (group.driver->worthwhile(group.partition)) {
        steps.push_back(std::move(group));
        continue;
      }
    }
    for (const std::size_t node : group.partition.nodes) {
      Step step{nullptr, {&graph, {node}, {}, {}}};
      borders.fill_in(step.partition);
      steps.push_back(std::move(step));
    }
  }
  return steps;
}

}  // namespace dormouse::engine
