#include <algorithm>

#include "engine/interpreter.h"
#include "engine/passes/quantization.h"

namespace dormouse::engine {
namespace {

// Larger ones grow fourfold only where the reader computes with all of them each time.
constexpr std::int64_t kLargestFold = 1 << 18;

bool is_product(const Node& node) {
  for (const std::string_view op : {"Conv", "ConvTranspose", "Gemm", "MatMul"})
    if (is(node, op)) return true;
  return false;
}

/// Whether `node` gives the f32 numbers of a constant that is stored smaller: 8-bit numbers, or halves.
bool widens_constant(const Graph& graph, const Node& node) {
  if (dequantizes_constant(graph, node)) return true;
  return is(node, "Cast") && graph.value(node.inputs[0]).constant &&
         graph.value(node.outputs[0]).dtype == DType::f32 &&
         (graph.value(node.inputs[0]).dtype == DType::f16 ||
          graph.value(node.inputs[0]).dtype == DType::bf16);
}

bool all_constant(const Graph& graph, const Node& node) {
  return std::ranges::all_of(node.inputs,
                             [&](ValueId id) { return id == kAbsent || graph.value(id).constant; });
}

/// Computes now the real numbers of constants that are stored smaller: weights of operators on real numbers.
Changes run(Graph& graph) {
  const auto foldable = [&](const Node& node) {
    return widens_constant(graph, node) && all_constant(graph, node);
  };
  if (std::ranges::none_of(graph.nodes(), foldable)) return {};
  Changes changes;
  std::vector<Node> kept;
  const auto multiplied = [&](ValueId id) {
    return std::ranges::any_of(graph.nodes(), [&](const Node& reader) {
      return is_product(reader) && std::ranges::find(reader.inputs, id) != reader.inputs.end();
    });
  };
  for (const Node& node : graph.nodes()) {
    if (!foldable(node) ||
        (graph.value(node.inputs[0]).constant->elements() > kLargestFold && !multiplied(node.outputs[0]))) {
      kept.push_back(node);
      continue;
    }
    std::vector<const Tensor*> inputs;
    for (const ValueId id : node.inputs)
      inputs.push_back(id == kAbsent ? nullptr : &*graph.value(id).constant);
    graph.fold(node.outputs[0], interpret(node, inputs)[0]);
    ++changes["constants widened"];
  }
  graph.set_nodes(std::move(kept));
  return changes;
}

}  // namespace

extern const Pass dequantized_constants{.name = "dequantised constants", .run = run};

}  // namespace dormouse::engine
