#include <algorithm>
#include <array>
#include <vector>

#include "engine/passes/pass.h"

namespace dormouse::engine {

extern const Pass activations;
extern const Pass affine_folding;
extern const Pass attention;
extern const Pass channel_shuffles;
extern const Pass common_subexpressions;
extern const Pass constant_folding;
extern const Pass dead_code;
extern const Pass dequantized_constants;
extern const Pass dynamic_products;
extern const Pass halves;
extern const Pass layer_normalization;
extern const Pass no_ops;
extern const Pass pad_folding;
extern const Pass quantized_operators;
extern const Pass recurrent_weights;
extern const Pass shape_folding;
extern const Pass ternary_weights;
extern const Pass transposes;

std::span<const Pass* const> all_passes() {
  // Nodes become constants, fewer and comparable first: what fuses is recognised by its constants and sole
  // readers.
  static constexpr std::array table = {&constant_folding,
                                       &shape_folding,
                                       &halves,
                                       &quantized_operators,
                                       &dequantized_constants,
                                       &dynamic_products,
                                       &no_ops,
                                       &common_subexpressions,
                                       &dead_code,
                                       &transposes,
                                       &channel_shuffles,
                                       &activations,
                                       &layer_normalization,
                                       &attention,
                                       &pad_folding,
                                       &affine_folding,
                                       &recurrent_weights,
                                       &ternary_weights};
  return table;
}

Changes removed(std::string what, std::size_t before, const Graph& now) {
  const std::size_t fewer = before - now.nodes().size();
  if (fewer == 0) return {};
  return {{std::move(what), fewer}};
}

namespace {

/// Lets go of constants that nothing reads any more: those that others were made of.
void forget_unread(Graph& graph) {
  std::vector<bool> read(graph.value_count(), false);
  const auto mark = [&](ValueId id) {
    if (id != kAbsent) read[static_cast<std::size_t>(id)] = true;
  };
  std::ranges::for_each(graph.outputs(), mark);
  for (const Node& node : graph.nodes()) std::ranges::for_each(node.inputs, mark);
  for (std::size_t i = 0; i < read.size(); ++i) {
    const auto id = static_cast<ValueId>(i);
    if (!read[i] && graph.value(id).constant) graph.set_constant(id, Tensor(graph.value(id).dtype, {0}));
  }
}

}  // namespace

void optimise(Graph& graph) {
  for (const Pass* pass : all_passes()) pass->run(graph);
  forget_unread(graph);
}

std::vector<PassReport> optimise_reporting(Graph& graph) {
  std::vector<PassReport> reports;
  for (const Pass* pass : all_passes()) {
    Changes changes = pass->run(graph);
    reports.push_back({pass->name, graph.nodes().size(), std::move(changes)});
  }
  forget_unread(graph);
  return reports;
}

}  // namespace dormouse::engine
