#include <xnnpack.h>

#include <algorithm>
#include <limits>
#include <string_view>

#include "drivers/xnnpack/convolving.h"
#include "drivers/xnnpack/operands.h"
#include "drivers/xnnpack/signed_weights.h"

/// QLinearConv, QLinearMatMul and our QLinearGemm: on i8 with a scale per output channel, to which weights of
/// every kind are brought.
namespace dormouse::drivers::xnnpack {
namespace {

using engine::DType;
using engine::Graph;
using engine::Node;
using engine::Tensor;

// The operators' inputs.
constexpr std::size_t kScale = 1, kWeights = 3, kWeightsScale = 4, kResultScale = 6, kBias = 8;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// The weights' scales, one for each of `count` slices, each times `factor`.
Tensor scales_of(const Graph& graph, const Node& node, std::int64_t count, float factor) {
  const auto given = constant(graph, node, kWeightsScale)->values<float>();
  Tensor result(DType::f32, {count});
  const auto scales = result.mutable_values<float>();
  for (std::size_t i = 0; i < scales.size(); ++i) scales[i] = given[given.size() == 1 ? 0 : i] * factor;
  return result;
}

/// Whether XNNPACK takes the scales: sums are brought to the result's scale by a factor in [2^-32, 2^8).
bool takes_scales(const Graph& graph, const Node& node, std::int64_t count) {
  const Tensor* const scales = constant(graph, node, kWeightsScale);
  if (!scales || (scales->elements() != 1 && scales->elements() != count)) return false;
  const auto input = stated(graph, node, kScale, graph.value(node.inputs[0]).dtype);
  const auto output = stated(graph, node, kResultScale, graph.value(node.outputs[0]).dtype);
  if (!input || !output) return false;
  return std::ranges::all_of(scales->values<float>(), [&](float scale) {
    const float factor = input->scale * scale / output->scale;
    return is_scale(scale) && is_scale(input->scale * scale) && factor >= 0x1p-32f && factor < 0x1p8f;
  });
}

bool supports(const Graph& graph, const Node& node, bool filter) {
  if (has_input(node, kBias) && !constant(graph, node, kBias)) return false;
  const auto weights = signed_weights(graph, node, kWeights, filter);
  return weights && takes_scales(graph, node, slices_of(*weights, filter).count);
}

bool supports_convolution(const Graph& graph, const Node& node) {
  return is_image(input_shape(graph, node, 0)) && supports(graph, node, true);
}

bool supports_product(const Graph& graph, const Node& node) {
  const Tensor* const matrix = constant(graph, node, kWeights);
  return matrix && matrix->shape().rank() == 2 && input_shape(graph, node, 0).rank() >= 2 &&
         supports(graph, node, false);
}

struct Weights {
  Id filter, bias;
};

/// The weights with their axes in the order of `permutation`, after which their slices are those of `axis`.
Weights define_weights(Builder& builder, const Node& node, bool filter, const Extents& from,
                       const Extents& permutation, std::size_t axis) {
  const Graph& graph = builder.graph();
  const Tensor original = *constant(graph, node, kWeights),
               weights = *signed_weights(graph, node, kWeights, filter);
  const auto input = *stated(graph, node, kScale, graph.value(node.inputs[0]).dtype);
  const auto output = *stated(graph, node, kResultScale, graph.value(node.outputs[0]).dtype);
  const std::int64_t count = slices_of(weights, filter).count;
  const Tensor scales = scales_of(graph, node, count, 1);
  const Id id = builder.quantized_weights(
      weights, original, from, permutation, scales, axis,
      packing_variant(graph, node, kWeights, scales,
                      {input.scale, static_cast<float>(input.zero_point), output.scale}));
  if (!has_input(node, kBias)) return {id, kNoId};
  const Tensor& bias = *constant(graph, node, kBias);
  return {id, builder.quantized_bias(bias, scales_of(graph, node, count, input.scale))};
}

void emit_convolution(Builder& builder, const Node& node) {
  const Channels channels = channels_of(builder.graph(), node, kWeights);
  const Extents from = extents(input_shape(builder.graph(), node, kWeights), Layout::channels_first);
  const Id image = builder.in(node.inputs[0], Layout::channels_last);
  const Weights weights =
      define_weights(builder, node, true, from, channels.filter_order(), channels.filter_axis());
  define_convolution(
      builder, node, kWeights,
      {image, weights.filter, weights.bias, builder.out(node.outputs[0], Layout::channels_last)});
}

void emit_product(Builder& builder, const Node& node) {
  const Extents from = extents(input_shape(builder.graph(), node, kWeights), Layout::rows);
  const Id a = builder.in(node.inputs[0]);
  const Weights weights = define_weights(builder, node, false, from, {1, 0}, 0);
  check(xnn_define_fully_connected(builder.subgraph(), -kInfinity, kInfinity, a, weights.filter, weights.bias,
                                   builder.out(node.outputs[0]), 0),
        node.op->name);
}

}  // namespace

extern const Kernel q_linear_conv{"QLinearConv", supports_convolution, emit_convolution, true,
                                  EightBit::computed};
extern const Kernel q_linear_gemm{"QLinearGemm", supports_product, emit_product, true, EightBit::computed};
extern const Kernel q_linear_matmul{"QLinearMatMul", supports_product, emit_product, true,
                                    EightBit::computed};

}  // namespace dormouse::drivers::xnnpack
