#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "engine/op.h"
#include "engine/plan.h"

namespace dormouse::engine {
namespace {

/// Which driver each node goes to: the first that supports it and has not turned it down.
class Choice {
 public:
  Choice(const Graph& graph, std::span<const Driver* const> drivers)
      : graph_(graph), drivers_(drivers), at_(graph.nodes().size(), 0) {
    for (std::size_t node = 0; node < at_.size(); ++node) settle(node);
  }

  const Driver* operator[](std::size_t node) const {
    return at_[node] < drivers_.size() ? drivers_[at_[node]] : nullptr;
  }

  /// The next driver gets these nodes, which all have the same one; false: there is none.
  bool turned_down(const std::vector<std::size_t>& nodes) {
    if (at_[nodes.front()] + 1 >= drivers_.size()) return false;
    for (const std::size_t node : nodes) {
      ++at_[node];
      settle(node);
    }
    return true;
  }

 private:
  void settle(std::size_t node) {
    while (at_[node] < drivers_.size() && !drivers_[at_[node]]->supports(graph_, graph_.nodes()[node]))
      ++at_[node];
  }

  const Graph& graph_;
  std::span<const Driver* const> drivers_;
  std::vector<std::size_t> at_;  // among the drivers, by node
};

/// Topological order that stays on one driver as long as any of its nodes is ready.
std::vector<std::size_t> grouped_order(const Graph& graph, const Choice& choice) {
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

std::vector<Step> grouped(const Graph& graph, const Choice& choice, const Borders& borders) {
  std::vector<Step> groups;
  for (const std::size_t node : grouped_order(graph, choice)) {
    if (groups.empty() || groups.back().driver != choice[node])
      groups.push_back({choice[node], {&graph, {}, {}, {}}});
    groups.back().partition.nodes.push_back(node);
  }
  for (Step& group : groups)
    if (group.driver) borders.fill_in(group.partition);
  return groups;
}

}  // namespace

bool is_training_step(const Partition& partition) {
  const auto& nodes = partition.graph->nodes();
  return partition.nodes.size() == nodes.size() &&
         std::ranges::any_of(nodes, [](const Node& node) { return node.op->updates; });
}

std::vector<Step> partition(const Graph& graph, std::span<const Driver* const> drivers) {
  const Borders borders(graph);
  Choice choice(graph, drivers);
  std::vector<Step> groups;
  std::vector<bool> worthwhile;
  for (bool settled = false; !settled;) {
    settled = true;
    groups = grouped(graph, choice, borders);
    worthwhile.assign(groups.size(), false);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const Step& group = groups[i];
      worthwhile[i] = group.driver && group.driver->worthwhile(group.partition);
      if (group.driver && !worthwhile[i] && choice.turned_down(group.partition.nodes)) settled = false;
    }
  }
  std::vector<Step> steps;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (worthwhile[i]) {
      steps.push_back(std::move(groups[i]));
      continue;
    }
    for (const std::size_t node : groups[i].partition.nodes) {
      Step step{nullptr, {&graph, {node}, {}, {}}};
      borders.fill_in(step.partition);
      steps.push_back(std::move(step));
    }
  }
  return steps;
}

}  // namespace dormouse::engine
