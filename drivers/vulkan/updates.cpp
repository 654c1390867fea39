#include <array>
#include <cmath>

#include "drivers/vulkan/operands.h"

/// The optimisers' updates, element by element.
namespace dormouse::drivers::vulkan {
namespace {

using engine::Graph;
using engine::Node;

/// What an update is written with.
struct Update {
  Expression& e;
  const Node& node;

  Term in(std::size_t i) const { return e.in(node.inputs[i]); }
  float setting(std::string_view name, float fallback) const {
    return node.attributes.get<float>(name, fallback);
  }
  Term number(float value) const { return e.number(value); }
  Term add(Term a, Term b) const { return e.step(Code::add, a, b); }
  Term mul(Term a, Term b) const { return e.step(Code::mul, a, b); }
  Term mul(float a, Term b) const { return e.step(Code::mul, number(a), b); }
  Term div(Term a, Term b) const { return e.step(Code::div, a, b); }
  Term plus(Term a, Term b, Term c) const { return e.step(Code::multiply_add, a, b, c); }  ///< a · b + c
  /// factor · old + (1 - factor) · new
  Term blend(float factor, Term old, Term fresh) const {
    return plus(number(1 - factor), fresh, mul(factor, old));
  }
  /// The parameter less rate · step.
  void move(Term parameter, Term rate, Term step) const {
    e.define(node.outputs[0], e.step(Code::sub, parameter, mul(rate, step)));
  }
  void keep(std::size_t output, Term state) const {
    if (has_output(node, output)) e.define(node.outputs[output], state);
  }
};

void sgd_momentum(Expression& e, const Graph&, const Node& node) {
  const Update u{e, node};
  const Term parameter = u.in(0), decay = u.number(u.setting("weight_decay", 0)),
             momentum = u.number(u.setting("momentum", 0));
  const Term gradient = u.plus(decay, parameter, u.in(1)), moved = u.plus(momentum, u.in(2), gradient);
  u.keep(1, moved);
  const bool nesterov = node.attributes.integer("nesterov", 0) != 0;
  u.move(parameter, u.in(3), nesterov ? u.plus(momentum, moved, gradient) : moved);
}

/// 1 - base^exponent, negative; base^exponent is close to 1.
Term less_one(const Update& u, float base, Term exponent) {
  return u.e.step(Code::less_one, u.mul(static_cast<float>(std::log(static_cast<double>(base))), exponent));
}

void adam_w(Expression& e, const Graph&, const Node& node) {
  const Update u{e, node};
  const float beta1 = u.setting("beta1", 0.9f), beta2 = u.setting("beta2", 0.999f),
              decay = u.setting("weight_decay", 0);
  const bool decoupled = node.attributes.integer("decoupled", 1) != 0;
  const Term parameter = u.in(0), step = u.in(5);
  const Term gradient = decay != 0 && !decoupled ? u.plus(u.number(decay), parameter, u.in(1)) : u.in(1);
  const Term mean = u.blend(beta1, u.in(2), gradient),
             square = u.blend(beta2, u.in(3), u.mul(gradient, gradient));
  u.keep(1, mean);
  u.keep(2, square);
  const Term spread = e.step(Code::sqrt, e.step(Code::abs, u.div(square, less_one(u, beta2, step))));
  const Term below = u.add(spread, u.number(u.setting("epsilon", 1e-8f)));
  Term move = e.step(Code::neg, u.div(u.div(mean, less_one(u, beta1, step)), below));
  if (decay != 0 && decoupled) move = u.plus(u.number(decay), parameter, move);
  u.move(parameter, u.in(4), move);
}

bool supports_adam_w(const Graph&, const Node& node) {
  return node.attributes.get<float>("beta1", 0.9f) > 0 && node.attributes.get<float>("beta2", 0.999f) > 0;
}

void rms_prop(Expression& e, const Graph&, const Node& node) {
  const Update u{e, node};
  const Term parameter = u.in(0);
  const Term gradient = u.plus(u.number(u.setting("weight_decay", 0)), parameter, u.in(1));
  const Term square = u.blend(u.setting("alpha", 0.99f), u.in(2), u.mul(gradient, gradient));
  const Term below = u.add(e.step(Code::sqrt, square), u.number(u.setting("epsilon", 1e-8f)));
  const Term moved = u.plus(u.number(u.setting("momentum", 0)), u.in(3), u.div(gradient, below));
  u.keep(1, square);
  u.keep(2, moved);
  u.move(parameter, u.in(4), moved);
}

void lion(Expression& e, const Graph&, const Node& node) {
  const Update u{e, node};
  const Term parameter = u.in(0), gradient = u.in(1), m = u.in(2);
  const Term sign = e.step(Code::sign, u.blend(u.setting("beta1", 0.9f), m, gradient));
  u.keep(1, u.blend(u.setting("beta2", 0.99f), m, gradient));
  u.move(parameter, u.in(3), u.plus(u.number(u.setting("weight_decay", 0)), parameter, sign));
}

}  // namespace

extern const std::array<Kernel, 4> update_kernels;
const std::array<Kernel, 4> update_kernels{
    Kernel{.op = "SgdMomentum", .express = sgd_momentum},
    Kernel{.op = "AdamW", .supports = supports_adam_w, .express = adam_w},
    Kernel{.op = "RmsProp", .express = rms_prop},
    Kernel{.op = "Lion", .express = lion},
};

}  // namespace dormouse::drivers::vulkan
