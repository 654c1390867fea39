#include <xnnpack.h>

#include <optional>

#include "drivers/xnnpack/clamp.h"

namespace dormouse::drivers::xnnpack {
namespace {

using engine::Graph;
using engine::Node;

bool always(const Graph&, const Node&) { return true; }
bool two_or_more(const Graph&, const Node& node) { return node.inputs.size() >= 2; }

void define_unary(Builder& builder, const Node& node, xnn_unary_operator type,
                  const xnn_unary_params* params) {
  const Layout layout = shared_layout(builder, node);
  const Id from = builder.in(node.inputs[0], layout);
  check(xnn_define_unary(builder.subgraph(), type, params, from, builder.out(node.outputs[0], layout), 0),
        node.op->name);
}

template <xnn_unary_operator type>
void emit_unary(Builder& builder, const Node& node) {
  define_unary(builder, node, type, nullptr);
}

bool supports_clamp(const Graph& graph, const Node& node) { return clamp_of(graph, node).has_value(); }

void emit_clamp(Builder& builder, const Node& node) {
  const Clamp clamp = *clamp_of(builder.graph(), node);
  const xnn_unary_params params{.clamp = {.min = clamp.low, .max = clamp.high}};
  define_unary(builder, node, xnn_unary_clamp, &params);
}

/// Operators fold from the left: Max and Min take any number of operands. Of sums, a ReLU behind is done with
/// them; those of f16 know no bounds.
template <xnn_binary_operator type>
void emit_binary(Builder& builder, const Node& node) {
  const Layout layout = shared_layout(builder, node);
  const std::size_t last = node.inputs.size() - 1;
  const engine::Shape& whole = output_shape(builder.graph(), node);
  const bool clamps = type == xnn_binary_add && !builder.halves();
  const Clamped target = clamps ? with_clamp(builder, node.outputs[0]) : Clamped{node.outputs[0], {}};
  const xnn_binary_params bounds{.output_min = target.clamp.low, .output_max = target.clamp.high};
  Id result = operand(builder, node, 0, layout);
  for (std::size_t i = 1; i <= last; ++i) {
    const Id next = operand(builder, node, i, layout);
    const Id to = i == last ? builder.out(target.value, layout) : builder.temporary(extents(whole, layout));
    check(xnn_define_binary(builder.subgraph(), type, i == last ? &bounds : nullptr, result, next, to, 0),
          node.op->name);
    result = to;
  }
}

/// Squares and roots: what a general power costs many times as much for.
std::optional<float> exponent(const Graph& graph, const Node& node) {
  const engine::Tensor* known = constant(graph, node, 1);
  const bool scalar = known && known->dtype() == engine::DType::f32 && known->elements() == 1 &&
                      known->shape().rank() <= input_shape(graph, node, 0).rank();
  return scalar ? std::optional(known->values<float>()[0]) : std::nullopt;
}

bool supports_pow(const Graph& graph, const Node& node) {
  const auto power = exponent(graph, node);
  return power && (*power == 2 || *power == 0.5f || *power == -0.5f);
}

void emit_pow(Builder& builder, const Node& node) {
  const float power = *exponent(builder.graph(), node);
  const xnn_unary_operator type = power == 2      ? xnn_unary_square
                                  : power == 0.5f ? xnn_unary_square_root
                                                  : xnn_unary_reciprocal_square_root;
  define_unary(builder, node, type, nullptr);
}

}  // namespace

extern const Kernel abs{"Abs", always, emit_unary<xnn_unary_abs>};
extern const Kernel clip{"Clip", supports_clamp, emit_clamp, true, EightBit::between};
extern const Kernel log{"Log", always, emit_unary<xnn_unary_log>};
extern const Kernel neg{"Neg", always, emit_unary<xnn_unary_negate>};
extern const Kernel relu{"Relu", always, emit_clamp, true, EightBit::between};
extern const Kernel sigmoid{"Sigmoid", always, emit_unary<xnn_unary_sigmoid>, true, EightBit::between};
extern const Kernel sqrt{"Sqrt", always, emit_unary<xnn_unary_square_root>};
extern const Kernel tanh{"Tanh", always, emit_unary<xnn_unary_tanh>, true, EightBit::between};

extern const Kernel add{"Add", always, emit_binary<xnn_binary_add>, true, EightBit::between};
extern const Kernel div{"Div", always, emit_binary<xnn_binary_divide>};
extern const Kernel max{"Max", two_or_more, emit_binary<xnn_binary_maximum>};
extern const Kernel min{"Min", two_or_more, emit_binary<xnn_binary_minimum>};
extern const Kernel mul{"Mul", always, emit_binary<xnn_binary_multiply>, true, EightBit::between};
extern const Kernel pow{"Pow", supports_pow, emit_pow};
extern const Kernel p_relu{"PRelu", always, emit_binary<xnn_binary_prelu>};
extern const Kernel sub{"Sub", always, emit_binary<xnn_binary_subtract>, true, EightBit::between};
extern const Kernel sum{"Sum", two_or_more, emit_binary<xnn_binary_add>};

}  // namespace dormouse::drivers::xnnpack
