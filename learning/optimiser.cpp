#include "learning/optimiser.h"

#include <numeric>

#include "engine/op.h"

namespace dormouse::learning {
namespace {

using engine::Attributes;
using engine::ValueId;

std::int64_t flag(bool value) { return value ? 1 : 0; }

/// An operator, what it is told, and how many states it keeps.
struct Rule {
  std::string_view op;
  Attributes attributes;
  std::vector<std::string_view> states;
  bool counts = false;  ///< it asks for the number of the update
};

Rule rule_of(const OptimiserOptions& o) {
  const auto f = [](double value) { return static_cast<float>(value); };
  const float decay = f(o.weight_decay);
  switch (o.rule) {
    case UpdateRule::sgd:
      return {"SgdMomentum",
              {{"momentum", f(o.momentum)}, {"weight_decay", decay}, {"nesterov", flag(o.nesterov)}},
              {"velocity"}};
    case UpdateRule::adam:
    case UpdateRule::adamw:
      return {"AdamW",
              {{"beta1", f(o.beta1)},
               {"beta2", f(o.beta2)},
               {"epsilon", f(o.epsilon)},
               {"weight_decay", decay},
               {"decoupled", flag(o.rule == UpdateRule::adamw)}},
              {"first", "second"},
              true};
    case UpdateRule::rmsprop:
      return {"RmsProp",
              {{"alpha", f(o.alpha)},
               {"epsilon", f(o.epsilon)},
               {"momentum", f(o.momentum)},
               {"weight_decay", decay}},
              {"second", "velocity"}};
    case UpdateRule::lion:
      return {"Lion", {{"beta1", f(o.beta1)}, {"beta2", f(o.beta2)}, {"weight_decay", decay}}, {"first"}};
  }
  ensure(false, "a rule of the enumeration");
  std::abort();
}

/// What all gradients are multiplied by so that their common norm is `most` at most.
Value clipping(std::span<const Value> gradients, double most) {
  Value squares;
  for (const Value& gradient : gradients) {
    std::vector<std::int64_t> axes(gradient.shape().rank());
    std::iota(axes.begin(), axes.end(), 0);
    const Value square = gradient * gradient;
    const Value sum = axes.empty() ? square : engine::reduce_sum(square, axes, false);
    squares = squares ? squares + sum : sum;
  }
  const Value limit = engine::scalar_like(squares, most), norm = engine::sqrt(squares);
  return limit / engine::apply("Max", {norm, limit});
}

}  // namespace

void bind_options(config::Binder& binder, OptimiserOptions& options) {
  binder.optional("rule", options.rule,
                  config::one_of<UpdateRule>({{"sgd", UpdateRule::sgd},
                                              {"adam", UpdateRule::adam},
                                              {"adamw", UpdateRule::adamw},
                                              {"rmsprop", UpdateRule::rmsprop},
                                              {"lion", UpdateRule::lion}}));
  binder.optional("momentum", options.momentum, config::range(0.0, 0.9999));
  binder.optional("nesterov", options.nesterov);
  binder.optional("beta1", options.beta1, config::range(0.0, 0.9999));
  binder.optional("beta2", options.beta2, config::range(0.0, 0.99999));
  binder.optional("alpha", options.alpha, config::range(0.0, 0.9999));
  binder.optional("epsilon", options.epsilon, config::range(1e-12, 1.0));
  binder.optional("weight_decay", options.weight_decay, config::range(0.0, 1.0));
  binder.optional("clip_norm", options.clip_norm, config::range(0.0, 1e6));
  binder.optional("average", options.average, config::range(0.0, 0.99999));
}

std::vector<std::string_view> state_names(const OptimiserOptions& options) {
  std::vector<std::string_view> names = rule_of(options).states;
  if (options.average > 0) names.push_back("average");
  return names;
}

Updated append_update(const OptimiserOptions& options, const Updated& before,
                      std::span<const Value> gradients, Value rate, Value step) {
  const Rule rule = rule_of(options);
  const engine::Op& op = *engine::find_op("dormouse", rule.op);
  engine::Graph& graph = *rate.graph;
  const Value scale = options.clip_norm > 0 ? clipping(gradients, options.clip_norm) : Value{};
  Updated after;
  after.states.resize(before.states.size());
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const Value gradient = scale ? gradients[i] * scale : gradients[i];
    std::vector<ValueId> inputs{before.parameters[i].id, gradient.id};
    for (std::size_t k = 0; k < rule.states.size(); ++k) inputs.push_back(before.states[k][i].id);
    inputs.push_back(rate.id);
    if (rule.counts) inputs.push_back(step.id);
    const std::vector<ValueId> updated = graph.add_node(op, std::move(inputs), rule.attributes,
                                                        std::vector<std::string>(1 + rule.states.size()));
    after.parameters.push_back({&graph, updated[0]});
    for (std::size_t k = 0; k < rule.states.size(); ++k) after.states[k].push_back({&graph, updated[1 + k]});
    if (options.average > 0) {
      const Value average = before.states.back()[i];
      after.states.back().push_back(average + (after.parameters[i] - average) * (1 - options.average));
    }
  }
  return after;
}

}  // namespace dormouse::learning
