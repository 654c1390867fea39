#include <algorithm>
#include <ranges>

#include "engine/passes/pass.h"

namespace dormouse::engine {
namespace {

/// Drops nodes whose outputs nothing reads.
Changes run(Graph& graph) {
  const std::size_t before = graph.nodes().size();
  std::vector<bool> live(graph.value_count(), false);
  const auto is_live = [&](ValueId id) { return id != kAbsent && live[static_cast<std::size_t>(id)]; };
  for (const ValueId id : graph.outputs()) live[static_cast<std::size_t>(id)] = true;
  std::vector<Node> kept;
  std::vector<Node> nodes = graph.take_nodes();
  for (Node& node : std::views::reverse(nodes)) {
    if (std::ranges::none_of(node.outputs, is_live)) continue;
    for (const ValueId id : node.inputs)
      if (id != kAbsent) live[static_cast<std::size_t>(id)] = true;
    kept.push_back(std::move(node));
  }
  std::ranges::reverse(kept);
  graph.set_nodes(std::move(kept));
  return removed("unread nodes removed", before, graph);
}

}  // namespace

extern const Pass dead_code{.name = "dead code", .run = run};

}  // namespace dormouse::engine
