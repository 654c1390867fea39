#include "engine/cost.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>

#include "engine/op.h"

namespace dormouse::engine {
namespace {

/// An operator that multiplies, and where its weights stand.
struct Multiplying {
  enum class Kind : std::uint8_t { product, convolution, transposed, recurrent, attention } kind;
  std::string_view op;
  std::size_t weights;
};

constexpr auto kProduct = Multiplying::Kind::product, kConvolution = Multiplying::Kind::convolution,
               kTransposed = Multiplying::Kind::transposed, kRecurrent = Multiplying::Kind::recurrent,
               kAttention = Multiplying::Kind::attention;

constexpr Multiplying kMultiplying[] = {{kProduct, "MatMul", 1},
                                        {kProduct, "Gemm", 1},
                                        {kProduct, "MatMulInteger", 1},
                                        {kProduct, "QLinearMatMul", 3},
                                        {kProduct, "QLinearGemm", 3},
                                        {kProduct, "DynamicQuantizeMatMul", 1},
                                        {kProduct, "BitLinear", 1},
                                        {kProduct, "PackedBitLinear", 1},
                                        {kConvolution, "Conv", 1},
                                        {kConvolution, "ConvInteger", 1},
                                        {kConvolution, "QLinearConv", 3},
                                        {kTransposed, "ConvTranspose", 1},
                                        {kRecurrent, "LSTM", 1},
                                        {kRecurrent, "GRU", 1},
                                        {kRecurrent, "RNN", 1},
                                        {kRecurrent, "CfC", 1},
                                        {kAttention, "ScaledDotProductAttention", 1}};

bool is_static(const ValueInfo& value) { return value.shape_known && value.shape.is_static(); }

std::int64_t count(Multiplying::Kind kind, const Node& node, const Shape& x, const Shape& weights,
                   const Shape& y) {
  switch (kind) {
    case kProduct: {
      const bool turned = node.attributes.integer("transA", 0) != 0;
      return x.rank() == 0 ? 0 : y.elements() * x[x.rank() - (turned ? 2 : 1)];
    }
    case kConvolution:
      return y.elements() * weights.elements(1, weights.rank());
    case kTransposed:
      return x.elements() * weights.elements(1, weights.rank());
    case kRecurrent:  // of W; those of R are added where its shape is
      return x[0] * x[1] * weights.elements();
    case kAttention:  // queries by keys, and what comes of it by values
      return y.elements(0, y.rank() - 1) * weights[weights.rank() - 2] * (x.back() + y.back());
  }
  return 0;
}

std::int64_t bytes_of(const ValueInfo& value) {
  if (!is_static(value)) return 0;
  return value.shape.elements() * static_cast<std::int64_t>(size_of(value.dtype));
}

std::int64_t bytes_of(const Graph& graph, const std::set<ValueId>& values) {
  std::int64_t bytes = 0;
  for (const ValueId id : values)
    if (id != kAbsent) bytes += bytes_of(graph.value(id));
  return bytes;
}

}  // namespace

std::optional<std::int64_t> macs_of(const Graph& graph, const Node& node) {
  const auto* const found = std::ranges::find(kMultiplying, node.op->name, &Multiplying::op);
  if (found == std::end(kMultiplying)) return 0;
  const ValueInfo &x = graph.value(node.inputs[0]), &weights = graph.value(node.inputs[found->weights]);
  const bool recurrent = found->kind == kRecurrent;
  const ValueInfo& y = recurrent ? graph.value(node.inputs[2]) : graph.value(node.outputs[0]);
  if (!is_static(x) || !is_static(weights) || !is_static(y)) return std::nullopt;
  const std::int64_t macs = count(found->kind, node, x.shape, weights.shape, y.shape);
  return recurrent ? macs + count(found->kind, node, x.shape, y.shape, y.shape) : macs;
}

Cost cost_of(const Graph& graph, const Node& node) {
  std::set<ValueId> touched(node.inputs.begin(), node.inputs.end());
  touched.insert(node.outputs.begin(), node.outputs.end());
  return {macs_of(graph, node).value_or(0), bytes_of(graph, touched)};
}

Cost cost_of(const Partition& partition) {
  const Graph& graph = *partition.graph;
  std::set<ValueId> touched(partition.inputs.begin(), partition.inputs.end());
  touched.insert(partition.outputs.begin(), partition.outputs.end());
  Cost cost;
  for (const std::size_t i : partition.nodes) {
    const Node& node = graph.nodes()[i];
    cost.macs += macs_of(graph, node).value_or(0);
    for (const ValueId id : node.inputs)
      if (id != kAbsent && graph.value(id).constant) touched.insert(id);
  }
  cost.bytes = bytes_of(graph, touched);
  return cost;
}

}  // namespace dormouse::engine
