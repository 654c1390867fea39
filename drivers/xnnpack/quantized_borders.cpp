#include <xnnpack.h>

#include "drivers/xnnpack/operands.h"

/// QuantizeLinear and DequantizeLinear: conversions between f32 and 8-bit values.
namespace dormouse::drivers::xnnpack {
namespace {

using engine::DType;
using engine::Graph;
using engine::Node;

bool supports_quantize(const Graph& graph, const Node& node) {
  return graph.value(node.inputs[0]).dtype == DType::f32 &&
         stated(graph, node, 1, graph.value(node.outputs[0]).dtype);
}

bool supports_dequantize(const Graph& graph, const Node& node) {
  return is_quantized8(graph.value(node.inputs[0]).dtype);
}

void emit(Builder& builder, const Node& node) {
  const bool image =
      is_image(output_shape(builder.graph(), node)) && builder.at_hand(node.inputs[0], Layout::channels_last);
  const Layout layout = image ? Layout::channels_last : Layout::rows;
  const Id from = builder.in(node.inputs[0], layout);
  check(xnn_define_unary(builder.subgraph(), xnn_unary_convert, nullptr, from,
                         builder.out(node.outputs[0], layout), 0),
        node.op->name);
}

}  // namespace

extern const Kernel dequantize_linear{"DequantizeLinear", supports_dequantize, emit, false,
                                      EightBit::computed};
extern const Kernel quantize_linear{"QuantizeLinear", supports_quantize, emit, false, EightBit::computed};

}  // namespace dormouse::drivers::xnnpack
