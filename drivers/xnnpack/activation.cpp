#include <xnnpack.h>

#include <numbers>
#include <string>

#include "drivers/xnnpack/steps.h"

namespace dormouse::drivers::xnnpack {
namespace {

using engine::Graph;
using engine::Node;

bool always(const Graph&, const Node&) { return true; }

/// From and to, in the layout of what is at hand.
struct Ends {
  Id from, to;
  Steps steps;
};

Ends ends(Builder& builder, const Node& node) {
  const Layout layout = shared_layout(builder, node);
  const Id from = builder.in(node.inputs[0], layout);
  return {from, builder.out(node.outputs[0], layout),
          Steps(builder, extents(output_shape(builder.graph(), node), layout))};
}

void emit_hard_swish(Builder& builder, const Node& node) {
  Ends e = ends(builder, node);
  e.steps.unary(xnn_unary_hardswish, e.from, e.to);
}

void emit_hard_sigmoid(Builder& builder, const Node& node) {
  Ends e = ends(builder, node);
  const Id scaled = e.steps.times(e.from, node.attributes.get<float>("alpha", 0.2f));
  e.steps.clamp(e.steps.plus(scaled, node.attributes.get<float>("beta", 0.5f)), 0, 1, e.to);
}

void emit_swish(Builder& builder, const Node& node) {
  Ends e = ends(builder, node);
  const float alpha = node.attributes.get<float>("alpha", 1);
  const Id gate = e.steps.unary(xnn_unary_sigmoid, alpha == 1 ? e.from : e.steps.times(e.from, alpha));
  e.steps.binary(xnn_binary_multiply, e.from, gate, e.to);
}

/// ½(1 + tanh(u)) = sigmoid(2u), with u = √(2/π)·x(1 + 0.044715x²).
void emit_gelu(Builder& builder, const Node& node) {
  Ends e = ends(builder, node);
  if (node.attributes.get<std::string>("approximate", "none") != "tanh") {
    e.steps.unary(xnn_unary_gelu, e.from, e.to);
    return;
  }
  constexpr float kSlope = 2 * std::numbers::sqrt2_v<float> * std::numbers::inv_sqrtpi_v<float>;
  const Id square = e.steps.unary(xnn_unary_square, e.from);
  const Id slope = e.steps.plus(e.steps.times(square, kSlope * 0.044715f), kSlope);
  const Id gate = e.steps.unary(xnn_unary_sigmoid, e.steps.binary(xnn_binary_multiply, e.from, slope));
  e.steps.binary(xnn_binary_multiply, e.from, gate, e.to);
}

void define(Builder& builder, const Node& node, xnn_unary_operator type, const xnn_unary_params& params) {
  const Ends e = ends(builder, node);
  check(xnn_define_unary(builder.subgraph(), type, &params, e.from, e.to, 0), node.op->name);
}

void emit_leaky_relu(Builder& builder, const Node& node) {
  define(builder, node, xnn_unary_leaky_relu, {.leaky_relu = {node.attributes.get<float>("alpha", 0.01f)}});
}

/// XNNPACK wants an alpha above 0.
bool supports_elu(const Graph&, const Node& node) { return node.attributes.get<float>("alpha", 1) > 0; }

void emit_elu(Builder& builder, const Node& node) {
  define(builder, node, xnn_unary_elu, {.elu = {node.attributes.get<float>("alpha", 1)}});
}

}  // namespace

extern const Kernel elu{"Elu", supports_elu, emit_elu};
extern const Kernel gelu{"Gelu", always, emit_gelu};
extern const Kernel hard_sigmoid{"HardSigmoid", always, emit_hard_sigmoid};
extern const Kernel hard_swish{"HardSwish", always, emit_hard_swish};
extern const Kernel leaky_relu{"LeakyRelu", always, emit_leaky_relu};
extern const Kernel swish{"Swish", always, emit_swish};

}  // namespace dormouse::drivers::xnnpack
