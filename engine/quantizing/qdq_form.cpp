#include "engine/quantizing/qdq_form.h"

#include <algorithm>
#include <cmath>

#include "engine/op.h"
#include "engine/quantizing/weights.h"

namespace dormouse::engine {
namespace {

/// A scale and a zero point of 8-bit numbers of `type` that just cover `range`.
struct Scale {
  Scale(const Range& range, DType type) {
    const float steps = (range.high - range.low) / 255;
    scale = std::isnormal(steps) ? steps : 1;
    const auto lowest = static_cast<std::int32_t>(type == DType::u8 ? 0 : -128);
    zero_point =
        lowest + static_cast<std::int32_t>(std::nearbyint(std::clamp(-range.low / scale, 0.0f, 255.0f)));
  }
  float scale;
  std::int32_t zero_point;
};

class Quantizer {
 public:
  Quantizer(Graph graph, DType activations, const QuantizationChoice& choice,
            const std::unordered_map<ValueId, Range>& ranges)
      : graph_(std::move(graph)), activations_(activations), choice_(choice) {
    for (const ValueId id : choice.values) ranges_[choice.group(id)].include(ranges.at(id));
  }

  Graph run() {
    const std::vector<Node> nodes = graph_.nodes();  // a copy: new ones are appended to the originals
    for (const ValueId id : graph_.inputs())
      if (choice_.contains(id)) insert_pair(id);
    for (Node node : nodes) visit(std::move(node));
    graph_.set_nodes(std::move(kept_));
    name_outputs();
    return std::move(graph_);
  }

 private:
  ValueId add(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    const ValueId made = graph_.add_node(*find_op("", op), std::move(inputs), std::move(attributes))[0];
    kept_.push_back(graph_.nodes().back());
    return made;
  }

  Scale scale_of(ValueId id) const { return {ranges_.at(choice_.group(id)), activations_}; }

  void insert_pair(ValueId id) {
    const Scale scale = scale_of(id);
    const ValueId factor = graph_.add_constant("", Tensor::scalar(scale.scale));
    const ValueId zero = graph_.add_constant(
        "", activations_ == DType::u8 ? Tensor::scalar(static_cast<std::uint8_t>(scale.zero_point))
                                      : Tensor::scalar(static_cast<std::int8_t>(scale.zero_point)));
    const ValueId numbers = add("QuantizeLinear", {id, factor, zero});
    real_[id] = add("DequantizeLinear", {numbers, factor, zero});
  }

  void visit(Node node) {
    const auto weights = weighted(graph_, node);
    const ValueId input = node.inputs.empty() ? kAbsent : node.inputs[0];
    for (ValueId& id : node.inputs)
      if (const auto found = real_.find(id); found != real_.end()) id = found->second;
    // A weighted node that was not chosen reads what another one made, perhaps, but stays real itself.
    if (weights && choice_.weighted.contains(node.outputs[0]))
      quantize_constants(node, *weights, scale_of(input).scale);
    const std::vector<ValueId> outputs = node.outputs;
    kept_.push_back(std::move(node));
    for (const ValueId id : outputs)
      if (choice_.contains(id)) insert_pair(id);
  }

  void quantize_constants(Node& node, const WeightedNode& weights, float input_scale) {
    const QuantizedWeights quantized = quantize_weights(*graph_.value(node.inputs[1]).constant, weights.axis);
    const ValueId numbers = graph_.add_constant(graph_.value(node.inputs[1]).name, quantized.numbers);
    const ValueId scales = graph_.add_constant("", quantized.scales);
    node.inputs[1] =
        add("DequantizeLinear", {numbers, scales}, {{"axis", static_cast<std::int64_t>(weights.axis)}});
    if (weights.bias != kAbsent) node.inputs[2] = quantized_bias(weights.bias, quantized.scales, input_scale);
  }

  /// The bias in units of the input's scale times the weights', as i32.
  ValueId quantized_bias(ValueId bias, const Tensor& weight_scales, float input_scale) {
    const Tensor& real = *graph_.value(bias).constant;
    const std::int64_t count = real.elements();
    Tensor numbers(DType::i32, {count}), scales(DType::f32, {count});
    for (std::size_t i = 0; std::cmp_less(i, count); ++i) {
      const float unit = input_scale * weight_scales.values<float>()[i];
      const double units = std::nearbyint(static_cast<double>(real.values<float>()[i]) / unit);
      if (!(std::abs(units) <= INT32_MAX)) return bias;  // a channel of hardly any weight: it stays real
      scales.mutable_values<float>()[i] = unit;
      numbers.mutable_values<std::int32_t>()[i] = static_cast<std::int32_t>(units);
    }
    return add("DequantizeLinear",
               {graph_.add_constant(graph_.value(bias).name, numbers), graph_.add_constant("", scales)},
               {{"axis", std::int64_t{0}}});
  }

  /// What is shown of a quantised value is what its numbers stand for, under its name.
  void name_outputs() {
    std::vector<ValueId> outputs = graph_.outputs();
    for (ValueId& id : outputs) {
      const auto found = real_.find(id);
      if (found == real_.end() || std::ranges::find(graph_.inputs(), id) != graph_.inputs().end()) continue;
      graph_.rename(found->second, graph_.value(id).name);
      graph_.rename(id, "");
      id = found->second;
    }
    graph_.set_outputs(std::move(outputs));
  }

  Graph graph_;
  DType activations_;
  const QuantizationChoice& choice_;
  std::unordered_map<ValueId, Range> ranges_;  ///< by group
  std::unordered_map<ValueId, ValueId> real_;  ///< what readers read instead
  std::vector<Node> kept_;
};

}  // namespace

Graph qdq_form(const Graph& graph, const QuantizationChoice& choice,
               const std::unordered_map<ValueId, Range>& ranges, DType activations) {
  return Quantizer(graph, activations, choice, ranges).run();
}

}  // namespace dormouse::engine
