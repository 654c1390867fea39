#include "engine/passes/quantization.h"

#include <algorithm>
#include <cmath>

#include "engine/kernels/quantize.h"
#include "engine/ops/quantization.h"

namespace dormouse::engine {

std::int32_t Quantization::quantize(float value) const {
  const float steps = value / scales[0];
  return type == DType::u8 ? quantized<std::uint8_t>(steps, zeros[0])
                           : quantized<std::int8_t>(steps, zeros[0]);
}

std::optional<Quantization> quantization(const Rewrite& graph, const Node& node) {
  const bool quantizes = is(node, "QuantizeLinear");
  if (!quantizes && !is(node, "DequantizeLinear")) return std::nullopt;
  const ValueId real = quantizes ? node.inputs[0] : node.outputs[0];
  const ValueId numbers = quantizes ? node.outputs[0] : node.inputs[0];
  Quantization result;
  result.type = graph.value(numbers).dtype;
  if (!is_quantized8(result.type) || graph.value(real).dtype != DType::f32) return std::nullopt;
  result.scale_id = node.inputs[1];
  result.zero_id = node.inputs.size() > 2 ? node.inputs[2] : kAbsent;
  const Tensor* const scales = graph.constant(result.scale_id);
  const Tensor* const zeros = graph.constant(result.zero_id);
  if (!scales || scales->dtype() != DType::f32 || scales->elements() == 0) return std::nullopt;
  if (result.zero_id != kAbsent && (!zeros || zeros->elements() == 0)) return std::nullopt;
  result.scales.assign(scales->values<float>().begin(), scales->values<float>().end());
  if (!std::ranges::all_of(result.scales, [](float scale) { return std::isnormal(scale) && scale > 0; }))
    return std::nullopt;
  const Tensor wide = zeros ? zeros->as(DType::i32) : Tensor::scalar(std::int32_t{0});
  result.zeros.assign(wide.values<std::int32_t>().begin(), wide.values<std::int32_t>().end());
  result.axis = node.attributes.integer("axis", 1);
  return result;
}

std::optional<Dequantized> dequantized(const Rewrite& graph, ValueId value) {
  const Node* const maker = graph.maker(value, "DequantizeLinear");
  if (!maker) return std::nullopt;
  auto numbers = quantization(graph, *maker);
  if (!numbers) return std::nullopt;
  return Dequantized{maker->inputs[0], *std::move(numbers)};
}

bool dequantizes_constant(const Graph& graph, const Node& node) {
  return is(node, "DequantizeLinear") && graph.value(node.inputs[0]).constant &&
         is_quantized8(graph.value(node.inputs[0]).dtype);
}

}  // namespace dormouse::engine
