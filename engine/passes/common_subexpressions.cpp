#include <algorithm>
#include <map>
#include <tuple>

#include "engine/op.h"
#include "engine/passes/pass.h"

namespace dormouse::engine {
namespace {

bool same(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() && std::ranges::equal(a.bytes(), b.bytes());
}

bool same(const Attribute& a, const Attribute& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&](const auto& left) {
        const auto& right = std::get<std::decay_t<decltype(left)>>(b);
        if constexpr (std::is_same_v<std::decay_t<decltype(left)>, Tensor>)
          return same(left, right);
        else
          return left == right;
      },
      a);
}

bool same(const Attributes& a, const Attributes& b) {
  return std::ranges::equal(a.entries(), b.entries(), [](const auto& left, const auto& right) {
    return left.first == right.first && same(left.second, right.second);
  });
}

/// Merges nodes that compute the same thing of the same values.
Changes run(Graph& graph) {
  const std::size_t before = graph.nodes().size();
  std::vector<ValueId> replacement(graph.value_count());
  for (std::size_t i = 0; i < replacement.size(); ++i) replacement[i] = static_cast<ValueId>(i);
  std::multimap<std::pair<const Op*, std::vector<ValueId>>, std::size_t> seen;  // to the index in `kept`
  std::vector<Node> kept;
  for (Node& node : graph.take_nodes()) {
    for (ValueId& id : node.inputs)
      if (id != kAbsent) id = replacement[static_cast<std::size_t>(id)];
    const auto [first, last] = seen.equal_range({node.op, node.inputs});
    const auto twin = std::find_if(first, last, [&](const auto& entry) {
      const Node& other = kept[entry.second];
      return other.outputs.size() == node.outputs.size() && same(other.attributes, node.attributes);
    });
    const bool is_output = std::ranges::any_of(node.outputs, [&](ValueId id) {
      return std::ranges::find(graph.outputs(), id) != graph.outputs().end();
    });
    if (twin != last && !is_output) {
      for (std::size_t i = 0; i < node.outputs.size(); ++i)
        replacement[static_cast<std::size_t>(node.outputs[i])] = kept[twin->second].outputs[i];
      continue;
    }
    seen.emplace(std::pair{node.op, node.inputs}, kept.size());
    kept.push_back(std::move(node));
  }
  graph.set_nodes(std::move(kept));
  return removed("twins merged", before, graph);
}

}  // namespace

extern const Pass common_subexpressions{.name = "common subexpressions", .run = run};

}  // namespace dormouse::engine
