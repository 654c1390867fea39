#include "engine/split.h"

#include <algorithm>

namespace dormouse::engine {
namespace {

/// Which values wait for data before their shape is known, or are made of such.
std::vector<bool> waiting(const Graph& graph) {
  std::vector<bool> waits(graph.value_count(), false);
  for (const Node& node : graph.nodes()) {
    const bool late =
        std::ranges::any_of(
            node.inputs, [&](ValueId id) { return id != kAbsent && waits[static_cast<std::size_t>(id)]; }) ||
        std::ranges::any_of(node.outputs, [&](ValueId id) {
          return !graph.value(id).shape_known || !graph.value(id).shape.is_static();
        });
    if (!late) continue;
    for (const ValueId id : node.outputs) waits[static_cast<std::size_t>(id)] = true;
  }
  return waits;
}

}  // namespace

Split split(const Graph& graph) {
  const std::vector<bool> waits = waiting(graph);
  const auto late = [&](ValueId id) { return waits[static_cast<std::size_t>(id)]; };
  std::vector<bool> wanted(graph.value_count(), false);
  const auto want = [&](ValueId id) {
    if (id != kAbsent) wanted[static_cast<std::size_t>(id)] = true;
  };
  for (const ValueId id : graph.outputs()) want(id);
  for (const Node& node : graph.nodes())
    if (std::ranges::any_of(node.outputs, late)) std::ranges::for_each(node.inputs, want);
  std::vector<ValueId> border;
  for (const Node& node : graph.nodes())
    for (const ValueId id : node.outputs)
      if (wanted[static_cast<std::size_t>(id)] && !late(id)) border.push_back(id);
  std::vector<ValueId> given = graph.inputs();
  given.insert(given.end(), border.begin(), border.end());
  return {extract(graph, graph.inputs(), border), extract(graph, given, graph.outputs())};
}

}  // namespace dormouse::engine
