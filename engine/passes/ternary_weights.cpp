#include "engine/kernels/ternary.h"
#include "engine/mapped.h"
#include "engine/on_demand.h"
#include "engine/passes/rewrite.h"

namespace dormouse::engine {
namespace {

/// BitLinear of constant weights as PackedBitLinear: a sixteenth of the bytes, and nothing to round each run.
std::string_view rule(Rewrite& graph, const Node& node) {
  if (node.op->domain != "dormouse" || node.op->name != "BitLinear") return {};
  const Tensor* const constant = graph.constant(node.inputs[1]);
  const ValueInfo& x = graph.value(node.inputs[0]);
  if (!constant || constant->dtype() != DType::f32 || !x.shape_known || x.shape.back() == kDynamic) return {};
  const Tensor weights = made(*constant);
  const float scale = ternary_scale(weights.values<float>());
  const std::int64_t out = weights.shape()[0], in = weights.shape()[1];
  const std::int64_t bytes = ternary_blocks(in) * kTernaryBytes;
  Tensor packed(DType::u8, {out, bytes});
  for (std::int64_t o = 0; o < out; ++o)
    pack_ternary(
        weights.values<float>().subspan(static_cast<std::size_t>(o * in), static_cast<std::size_t>(in)),
        scale, packed.mutable_values<std::uint8_t>().data() + o * bytes);
  release_pages(weights);
  std::vector<ValueId> inputs{node.inputs[0], graph.add_constant(std::move(packed)),
                              graph.add_constant(Tensor::scalar(scale))};
  if (node.inputs.size() > 2) inputs.push_back(node.inputs[2]);
  graph.replace("PackedBitLinear", std::move(inputs));
  return "ternary weights packed";
}

Changes run(Graph& graph) { return rewrite(graph, rule); }

}  // namespace

extern const Pass ternary_weights{.name = "ternary weights", .run = run};

}  // namespace dormouse::engine
