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

/// Fills in what a partition reads from and gives to the rest of the graph.
void find_borders(Partition& partition) {
  const Graph& graph = *partition.graph;
  std::unordered_set<ValueId> made, read;
  for (const std::size_t i : partition.nodes) {
    for (const ValueId id : graph.nodes()[i].inputs)
      if (id != kAbsent && !graph.value(id).constant && !made.contains(id) && read.insert(id).second)
        partition.inputs.push_back(id);
    made.insert(graph.nodes()[i].outputs.begin(), graph.nodes()[i].outputs.end());
  }
  const std::unordered_set<std::size_t> inside(partition.nodes.begin(), partition.nodes.end());
  std::unordered_set<ValueId> wanted(graph.outputs().begin(), graph.outputs().end());
  for (std::size_t i = 0; i < graph.nodes().size(); ++i)
    if (!inside.contains(i)) wanted.insert(graph.nodes()[i].inputs.begin(), graph.nodes()[i].inputs.end());
  for (const std::size_t i : partition.nodes)
    for (const ValueId id : graph.nodes()[i].outputs)
      if (wanted.contains(id)) partition.outputs.push_back(id);
}

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
  std::vector<Step> steps;
  for (Step& group : groups) {
    if (group.driver) {
      find_borders(group.partition);
      if (group.driver->worthwhile(group.partition)) {
        steps.push_back(std::move(group));
        continue;
      }
    }
    for (const std::size_t node : group.partition.nodes) {
      Step step{nullptr, {&graph, {node}, {}, {}}};
      find_borders(step.partition);
      steps.push_back(std::move(step));
    }
  }
  return steps;
}

}  // namespace dormouse::engine
