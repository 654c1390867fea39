#include "drivers/xnnpack/quantization.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>
#include <vector>

#include "drivers/xnnpack/operands.h"

namespace dormouse::drivers::xnnpack {
namespace {

using engine::Graph;
using engine::Node;
using engine::ValueId;

/// Operators whose scales are inputs 1 and 6: those of input 0 and of the output.
bool is_quantized_product(const Node& node) {
  return node.op->name == "QLinearConv" || node.op->name == "QLinearMatMul" || node.op->name == "QLinearGemm";
}

/// An 8-bit output of another kernel of ours stands for what the input did.
bool moves(const Node& node) {
  const Kernel* const kernel = find_kernel(*node.op);
  return kernel && kernel->eight_bit == EightBit::moved;
}

/// Where the numbers of `value` come from.
ValueId origin(const Graph& graph, ValueId value) {
  for (const Node* maker = graph.producer(value); maker && moves(*maker); maker = graph.producer(value))
    value = maker->inputs[0];
  return value;
}

std::optional<Quantization> said_by_readers(const Graph& graph, ValueId value) {
  std::vector<ValueId> waiting{value};
  std::unordered_set<ValueId> seen{value};
  while (!waiting.empty()) {
    const ValueId next = waiting.back();
    waiting.pop_back();
    for (const Node& reader : graph.nodes()) {
      if (std::ranges::find(reader.inputs, next) == reader.inputs.end()) continue;
      if (const auto scale = scale_of_input(reader); scale && reader.inputs[0] == next)
        if (const auto found = stated(graph, reader, *scale, graph.value(next).dtype)) return found;
      if (moves(reader) && seen.insert(reader.outputs[0]).second) waiting.push_back(reader.outputs[0]);
    }
  }
  return std::nullopt;
}

/// Whether all that are 8-bit values stand for the same.
bool alike(const Graph& graph, const std::vector<ValueId>& values) {
  std::optional<Quantization> first;
  return std::ranges::all_of(values, [&](ValueId id) {
    if (id == engine::kAbsent || !is_quantized8(graph.value(id).dtype)) return true;
    const auto meaning = quantization_of(graph, id);
    if (!first) first = meaning;
    return meaning == first;
  });
}

}  // namespace

bool is_scale(float scale) { return std::isnormal(scale) && scale > 0; }

std::optional<Quantization> stated(const Graph& graph, const Node& node, std::size_t scale,
                                   engine::DType type) {
  const engine::Tensor* const factor = constant(graph, node, scale);
  if (!factor || factor->dtype() != engine::DType::f32 || factor->elements() != 1 ||
      !is_scale(factor->values<float>()[0]))
    return std::nullopt;
  const float value = factor->values<float>()[0];
  if (!has_input(node, scale + 1))
    return Quantization{value, type == engine::DType::u8 ? -kUnsignedShift : 0};
  const engine::Tensor* const zero = constant(graph, node, scale + 1);
  if (!zero || zero->elements() != 1) return std::nullopt;
  if (zero->dtype() == engine::DType::i8) return Quantization{value, zero->values<std::int8_t>()[0]};
  if (zero->dtype() == engine::DType::u8)
    return Quantization{value, zero->values<std::uint8_t>()[0] - kUnsignedShift};
  return std::nullopt;
}

std::optional<std::size_t> scale_of_output(const Node& node) {
  if (node.op->name == "QuantizeLinear") return 1;
  if (is_quantized_product(node)) return 6;
  return std::nullopt;
}

std::optional<std::size_t> scale_of_input(const Node& node) {
  if (node.op->name == "DequantizeLinear" || is_quantized_product(node)) return 1;
  return std::nullopt;
}

std::optional<Quantization> quantization_of(const Graph& graph, ValueId value) {
  const ValueId first = origin(graph, value);
  if (const Node* const maker = graph.producer(first))
    if (const auto scale = scale_of_output(*maker))
      return stated(graph, *maker, *scale, graph.value(first).dtype);
  return said_by_readers(graph, first);
}

bool consistent(const Graph& graph, const Node& node) {
  const auto scale = scale_of_input(node);
  if (!scale) return !is_quantized8(graph.value(node.outputs[0]).dtype) || alike(graph, node.inputs);
  const auto said = stated(graph, node, *scale, graph.value(node.inputs[0]).dtype);
  return said && said == quantization_of(graph, node.inputs[0]);
}

}  // namespace dormouse::drivers::xnnpack
