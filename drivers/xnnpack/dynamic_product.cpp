#include <xnnpack.h>

#include <algorithm>
#include <limits>

#include "drivers/xnnpack/operands.h"
#include "drivers/xnnpack/signed_weights.h"

/// DynamicQuantizeMatMul: XNNPACK quantises each row to its own range, which loses less than one for all.
namespace dormouse::drivers::xnnpack {
namespace {

using engine::Graph;
using engine::Node;
using engine::Tensor;

constexpr std::size_t kMatrix = 1, kBias = 4;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// The matrix as signed_weights() wants it: the scale is input 2, the zero point 3.
std::optional<Tensor> matrix_of(const Graph& graph, const Node& node) {
  return signed_weights(graph, node, kMatrix, false);
}

Tensor scales_of(const Graph& graph, const Node& node, std::int64_t columns) {
  const auto given = constant(graph, node, kMatrix + 1)->values<float>();
  Tensor result(engine::DType::f32, {columns});
  const auto scales = result.mutable_values<float>();
  for (std::size_t i = 0; i < scales.size(); ++i) scales[i] = given[given.size() == 1 ? 0 : i];
  return result;
}

bool supports(const Graph& graph, const Node& node) {
  const Tensor* const scales = constant(graph, node, kMatrix + 1);
  if (!scales || !std::ranges::all_of(scales->values<float>(), is_scale)) return false;
  const bool bias_known = !has_input(node, kBias) || constant(graph, node, kBias);
  return input_shape(graph, node, 0).rank() >= 2 && bias_known && matrix_of(graph, node).has_value();
}

/// `rows` with numbers and a range of each row.
Id quantized(Builder& builder, Id rows, const Extents& extents) {
  Id id = kNoId;
  check(xnn_define_dynamically_quantized_tensor_value(builder.subgraph(), xnn_datatype_qdint8, extents.size(),
                                                      1, extents.data(), kNoId, 0, &id),
        "a dynamically quantised tensor");
  check(xnn_define_unary(builder.subgraph(), xnn_unary_convert, nullptr, rows, id, 0), "a quantisation");
  return id;
}

void emit(Builder& builder, const Node& node) {
  const Graph& graph = builder.graph();
  const Tensor& original = *constant(graph, node, kMatrix);
  const Tensor matrix = *matrix_of(graph, node);
  const Extents from = extents(matrix.shape(), Layout::rows);
  const Tensor scales = scales_of(graph, node, matrix.shape()[1]);
  const Id rows =
      quantized(builder, builder.in(node.inputs[0]), extents(input_shape(graph, node, 0), Layout::rows));
  const Id filter = builder.quantized_weights(matrix, original, from, {1, 0}, scales, 0,
                                              packing_variant(graph, node, kMatrix, scales, {}));
  const Id bias = has_input(node, kBias) ? builder.weights(node.inputs[kBias], {from[1]}) : kNoId;
  check(xnn_define_fully_connected(builder.subgraph(), -kInfinity, kInfinity, rows, filter, bias,
                                   builder.out(node.outputs[0]), 0),
        node.op->name);
}

}  // namespace

extern const Kernel dynamic_quantize_matmul{"DynamicQuantizeMatMul", supports, emit, true,
                                            EightBit::computed};

}  // namespace dormouse::drivers::xnnpack
