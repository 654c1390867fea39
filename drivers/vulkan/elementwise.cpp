#include <array>

#include "drivers/vulkan/operands.h"

namespace dormouse::drivers::vulkan {
namespace {

using engine::DType;
using engine::Graph;
using engine::Node;

template <Code code>
void unary(Expression& e, const Graph&, const Node& node) {
  e.define(node.outputs[0], e.step(code, e.in(node.inputs[0])));
}

template <Code code>
void binary(Expression& e, const Graph&, const Node& node) {
  const Term a = e.in(node.inputs[0]), b = e.in(node.inputs[1]);
  e.define(node.outputs[0], e.step(code, a, b));
}

/// Any number of inputs folded from the left.
template <Code code>
Term folded(Expression& e, const Node& node) {
  Term all = e.in(node.inputs[0]);
  for (std::size_t i = 1; i < node.inputs.size(); ++i) all = e.step(code, all, e.in(node.inputs[i]));
  return all;
}

template <Code code>
void variadic(Expression& e, const Graph&, const Node& node) {
  e.define(node.outputs[0], folded<code>(e, node));
}

void mean(Expression& e, const Graph&, const Node& node) {
  const Term sum = folded<Code::add>(e, node);
  e.define(node.outputs[0], e.step(Code::div, sum, e.number(static_cast<float>(node.inputs.size()))));
}

bool few_inputs(const Graph&, const Node& node) { return node.inputs.size() <= 4; }

bool of_f32(const Graph& graph, const Node& node) {
  return graph.value(node.inputs[0]).dtype == DType::f32 && graph.value(node.outputs[0]).dtype == DType::f32;
}

float setting(const Node& node, std::string_view name, float fallback) {
  return node.attributes.get<float>(name, fallback);
}

/// factor · (x > 0 ? x : alpha · (exp(x / slope) - 1))
Term exponential_unit(Expression& e, Term x, float alpha, float slope) {
  const Term zero = e.number(0), scaled = slope == 1 ? x : e.step(Code::div, x, e.number(slope));
  const Term below =
      e.step(Code::mul, e.step(Code::less_one, e.step(Code::min, scaled, zero)), e.number(alpha));
  return e.step(Code::select, e.step(Code::greater, x, zero), x, below);
}

void elu(Expression& e, const Graph&, const Node& node) {
  e.define(node.outputs[0], exponential_unit(e, e.in(node.inputs[0]), setting(node, "alpha", 1), 1));
}

void celu(Expression& e, const Graph&, const Node& node) {
  const float alpha = setting(node, "alpha", 1);
  e.define(node.outputs[0], exponential_unit(e, e.in(node.inputs[0]), alpha, alpha));
}

void selu(Expression& e, const Graph&, const Node& node) {
  const float alpha = setting(node, "alpha", 1.67326319217681884765625f);
  const Term unit = exponential_unit(e, e.in(node.inputs[0]), alpha, 1);
  e.define(node.outputs[0],
           e.step(Code::mul, unit, e.number(setting(node, "gamma", 1.05070102214813232421875f))));
}

void relu(Expression& e, const Graph&, const Node& node) {
  const Term x = e.in(node.inputs[0]), zero = e.number(0);
  e.define(node.outputs[0], e.step(Code::select, e.step(Code::less, x, zero), zero, x));
}

void leaky_relu(Expression& e, const Graph&, const Node& node) {
  const Term x = e.in(node.inputs[0]), below = e.step(Code::less, x, e.number(0));
  e.define(node.outputs[0],
           e.step(Code::select, below, e.step(Code::mul, x, e.number(setting(node, "alpha", 0.01f))), x));
}

void p_relu(Expression& e, const Graph&, const Node& node) {
  const Term x = e.in(node.inputs[0]), slope = e.in(node.inputs[1]);
  e.define(node.outputs[0],
           e.step(Code::select, e.step(Code::less, x, e.number(0)), e.step(Code::mul, slope, x), x));
}

Term between(Expression& e, Term x, Term low, Term high) {
  return e.step(Code::min, e.step(Code::max, x, low), high);
}

void hard_sigmoid(Expression& e, const Graph&, const Node& node) {
  const Term line = e.step(Code::multiply_add, e.in(node.inputs[0]), e.number(setting(node, "alpha", 0.2f)),
                           e.number(setting(node, "beta", 0.5f)));
  e.define(node.outputs[0], between(e, line, e.number(0), e.number(1)));
}

void hard_swish(Expression& e, const Graph&, const Node& node) {
  const Term x = e.in(node.inputs[0]);
  const Term line = e.step(Code::multiply_add, x, e.number(1.0f / 6), e.number(0.5f));
  e.define(node.outputs[0], e.step(Code::mul, x, between(e, line, e.number(0), e.number(1))));
}

void swish(Expression& e, const Graph&, const Node& node) {
  const Term x = e.in(node.inputs[0]), scaled = e.step(Code::mul, x, e.number(setting(node, "alpha", 1)));
  e.define(node.outputs[0], e.step(Code::mul, x, e.step(Code::sigmoid, scaled)));
}

void mish(Expression& e, const Graph&, const Node& node) {
  const Term x = e.in(node.inputs[0]);
  e.define(node.outputs[0], e.step(Code::mul, x, e.step(Code::tanh, e.step(Code::softplus, x))));
}

void softsign(Expression& e, const Graph&, const Node& node) {
  const Term x = e.in(node.inputs[0]);
  e.define(node.outputs[0], e.step(Code::div, x, e.step(Code::add, e.step(Code::abs, x), e.number(1))));
}

void thresholded_relu(Expression& e, const Graph&, const Node& node) {
  const Term x = e.in(node.inputs[0]);
  const Term above = e.step(Code::greater, x, e.number(setting(node, "alpha", 1)));
  e.define(node.outputs[0], e.step(Code::select, above, x, e.number(0)));
}

void shrink(Expression& e, const Graph&, const Node& node) {
  const Term x = e.in(node.inputs[0]), by = e.number(setting(node, "bias", 0));
  const float bound = setting(node, "lambd", 0.5f);
  const Term above =
      e.step(Code::select, e.step(Code::greater, x, e.number(bound)), e.step(Code::sub, x, by), e.number(0));
  e.define(node.outputs[0],
           e.step(Code::select, e.step(Code::less, x, e.number(-bound)), e.step(Code::add, x, by), above));
}

void gelu(Expression& e, const Graph&, const Node& node) {
  const Term x = e.in(node.inputs[0]), half = e.step(Code::mul, x, e.number(0.5f));
  if (node.attributes.get<std::string>("approximate", "none") == "tanh") {
    const Term scaled = e.step(Code::mul, x, e.number(0.79788456080286535588f));
    const Term cube = e.step(Code::multiply_add, e.step(Code::mul, x, x), e.number(0.044715f), e.number(1));
    const Term bound = e.step(Code::tanh, e.step(Code::mul, scaled, cube));
    return e.define(node.outputs[0], e.step(Code::multiply_add, half, bound, half));
  }
  const Term share = e.step(Code::erf, e.step(Code::mul, x, e.number(0.70710678118654752440f)));
  e.define(node.outputs[0], e.step(Code::multiply_add, half, share, half));
}

void clip(Expression& e, const Graph&, const Node& node) {
  const auto bound = [&](std::size_t i, std::string_view attribute) -> std::optional<Term> {
    if (has_input(node, i)) return e.in(node.inputs[i]);
    const float* const given = node.attributes.find<float>(attribute);
    return given ? std::optional(e.number(*given)) : std::nullopt;
  };
  Term x = e.in(node.inputs[0]);
  if (const auto low = bound(1, "min")) x = e.step(Code::max, x, *low);
  if (const auto high = bound(2, "max")) x = e.step(Code::min, x, *high);
  e.define(node.outputs[0], x);
}

void where(Expression& e, const Graph&, const Node& node) {
  const Term condition = e.in(node.inputs[0]), a = e.in(node.inputs[1]), b = e.in(node.inputs[2]);
  e.define(node.outputs[0], e.step(Code::select, condition, a, b));
}

void cast(Expression& e, const Graph& graph, const Node& node) {
  const bool to_flag = graph.value(node.outputs[0]).dtype == DType::boolean &&
                       graph.value(node.inputs[0]).dtype != DType::boolean;
  const Term x = e.in(node.inputs[0]);
  e.define(node.outputs[0], to_flag ? e.step(Code::is_zero, e.step(Code::is_zero, x)) : x);
}

/// What is rounded to f16 is rounded on its way out, so it has to go there; of what comes in nothing is lost.
bool supports_cast(const Graph& graph, const Node& node) {
  const auto inside = [&](engine::ValueId id, const std::vector<engine::ValueId>& border) {
    return graph.value(id).dtype == DType::f16 && std::ranges::find(border, id) == border.end();
  };
  return !inside(node.inputs[0], graph.inputs()) && !inside(node.outputs[0], graph.outputs());
}

void is_nan(Expression& e, const Graph&, const Node& node) {
  const Term x = e.in(node.inputs[0]);
  e.define(node.outputs[0], e.step(Code::is_zero, e.step(Code::equal, x, x)));
}

void broadcast(Expression& e, const Graph&, const Node& node) {
  e.define(node.outputs[0], e.in(node.inputs[0]));
}

bool remainder_of_c(const Graph& graph, const Node& node) { return of_f32(graph, node); }

void ewc_pull(Expression& e, const Graph&, const Node& node) {
  const Term parameter = e.in(node.inputs[0]), anchor = e.in(node.inputs[1]);
  const Term pull = e.step(Code::mul, e.in(node.inputs[3]), e.in(node.inputs[2]));
  const Term sum = e.step(Code::multiply_add, pull, anchor, parameter);
  e.define(node.outputs[0], e.step(Code::div, sum, e.step(Code::add, pull, e.number(1))));
}

template <Code code>
constexpr Kernel one(std::string_view op) {
  return {.op = op, .supports = of_f32, .express = unary<code>};
}
template <Code code>
constexpr Kernel two(std::string_view op) {
  return {.op = op, .supports = of_f32, .express = binary<code>};
}
template <Code code>
constexpr Kernel compare(std::string_view op) {
  return {.op = op, .express = binary<code>, .booleans = true};
}
constexpr Kernel own(std::string_view op, decltype(Kernel::express) express) {
  return {.op = op, .supports = of_f32, .express = express};
}

}  // namespace

extern const std::array<Kernel, 60> elementwise_kernels;
const std::array<Kernel, 60> elementwise_kernels{
    one<Code::neg>("Neg"),
    one<Code::abs>("Abs"),
    one<Code::exp>("Exp"),
    one<Code::log>("Log"),
    one<Code::sqrt>("Sqrt"),
    one<Code::reciprocal>("Reciprocal"),
    one<Code::sin>("Sin"),
    one<Code::cos>("Cos"),
    one<Code::tan>("Tan"),
    one<Code::asin>("Asin"),
    one<Code::acos>("Acos"),
    one<Code::atan>("Atan"),
    one<Code::sinh>("Sinh"),
    one<Code::cosh>("Cosh"),
    one<Code::tanh>("Tanh"),
    one<Code::asinh>("Asinh"),
    one<Code::acosh>("Acosh"),
    one<Code::atanh>("Atanh"),
    one<Code::erf>("Erf"),
    one<Code::sigmoid>("Sigmoid"),
    one<Code::floor>("Floor"),
    one<Code::ceil>("Ceil"),
    one<Code::round>("Round"),
    one<Code::sign>("Sign"),
    one<Code::softplus>("Softplus"),
    two<Code::add>("Add"),
    two<Code::sub>("Sub"),
    two<Code::mul>("Mul"),
    two<Code::div>("Div"),
    two<Code::pow>("Pow"),
    compare<Code::greater>("Greater"),
    compare<Code::greater_or_equal>("GreaterOrEqual"),
    compare<Code::less>("Less"),
    compare<Code::less_or_equal>("LessOrEqual"),
    compare<Code::equal>("Equal"),
    compare<Code::both>("And"),
    compare<Code::either>("Or"),
    compare<Code::unequal>("Xor"),
    Kernel{.op = "Not", .express = unary<Code::is_zero>, .booleans = true},
    Kernel{.op = "Max", .supports = few_inputs, .express = variadic<Code::max>},
    Kernel{.op = "Min", .supports = few_inputs, .express = variadic<Code::min>},
    Kernel{.op = "Sum", .supports = few_inputs, .express = variadic<Code::add>},
    Kernel{.op = "Mean", .supports = few_inputs, .express = mean},
    own("Elu", elu),
    own("Celu", celu),
    own("Selu", selu),
    own("Relu", relu),
    own("LeakyRelu", leaky_relu),
    own("PRelu", p_relu),
    own("HardSigmoid", hard_sigmoid),
    own("HardSwish", hard_swish),
    own("Swish", swish),
    own("Mish", mish),
    own("Softsign", softsign),
    own("ThresholdedRelu", thresholded_relu),
    own("Shrink", shrink),
    own("Gelu", gelu),
    own("Clip", clip),
    own("EwcPull", ewc_pull),
    Kernel{.op = "Mod", .supports = remainder_of_c, .express = binary<Code::remainder>},
};
// What also takes booleans.
extern const std::array<Kernel, 5> selecting_kernels;
const std::array<Kernel, 5> selecting_kernels{
    Kernel{.op = "Where", .express = where, .booleans = true},
    Kernel{.op = "Cast",
           .supports = supports_cast,
           .express = cast,
           .alone = false,
           .booleans = true,
           .halves = true},
    Kernel{.op = "IsNaN", .express = is_nan, .booleans = true},
    Kernel{.op = "Expand", .express = broadcast, .alone = false, .shapes = 2, .booleans = true},
    Kernel{.op = "BroadcastTo", .express = broadcast, .alone = false, .shapes = 2, .booleans = true},
};

}  // namespace dormouse::drivers::vulkan
