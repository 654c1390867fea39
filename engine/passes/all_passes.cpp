#include <array>

#include "engine/passes/pass.h"

namespace dormouse::engine {

extern const Pass activations;
extern const Pass affine_folding;
extern const Pass common_subexpressions;
extern const Pass constant_folding;
extern const Pass dead_code;
extern const Pass layer_normalization;
extern const Pass no_ops;
extern const Pass transposes;

std::span<const Pass* const> all_passes() {
  // Nodes become constants, fewer and comparable first: what fuses is recognised by its constants and sole
  // readers.
  static constexpr std::array table = {&constant_folding,    &no_ops,        &common_subexpressions,
                                       &dead_code,           &transposes,    &activations,
                                       &layer_normalization, &affine_folding};
  return table;
}

Changes removed(std::string what, std::size_t before, const Graph& now) {
  const std::size_t fewer = before - now.nodes().size();
  if (fewer == 0) return {};
  return {{std::move(what), fewer}};
}

void optimise(Graph& graph) {
  for (const Pass* pass : all_passes()) pass->run(graph);
}

std::vector<PassReport> optimise_reporting(Graph& graph) {
  std::vector<PassReport> reports;
  for (const Pass* pass : all_passes()) {
    Changes changes = pass->run(graph);
    reports.push_back({pass->name, graph.nodes().size(), std::move(changes)});
  }
  return reports;
}

}  // namespace dormouse::engine
