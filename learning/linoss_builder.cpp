#include "learning/linoss_builder.h"

#include "engine/op.h"

namespace dormouse::learning {
namespace {

using engine::Value;

constexpr double kEpsilon = 1e-5;  // of normalisation

}  // namespace

LinossBuilder::LinossBuilder(engine::Graph& graph, const LinossOptions& options, const LinossWeights& weights,
                             const std::string& prefix)
    : graph_(graph), options_(options) {
  for (const auto& [name, tensor] : weights)
    values_.emplace(name, Value{&graph, graph.add_constant(prefix + name, tensor)});
}

Value LinossBuilder::weight(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end())
    throw Failure(Errc::invalid, "the weights of the LinOSS network lack '" + name + "'");
  return found->second;
}

Value LinossBuilder::input(const std::string& name, engine::Shape shape) {
  return {&graph_, graph_.add_input(name, weight("encoder.bias").dtype(), std::move(shape))};
}

void LinossBuilder::give(Value value, const std::string& name) {
  graph_.rename(value.id, name);
  graph_.mark_output(value.id);
}

Value LinossBuilder::affine(Value x, const std::string& name) const {
  return engine::matmul(x, weight(name + ".weight")) + weight(name + ".bias");
}

Value LinossBuilder::answer(Value x) const {
  const Value y = affine(x, "head");
  return options_.bounded ? engine::tanh(y) : y;
}

LinossBuilder::Block LinossBuilder::block(std::int64_t index, Value x, Value state) const {
  const std::string name = block_name(index);
  Block block{parameters(name), normalised(x, name + ".norm"), {}, {}};
  block.oscillators =
      linoss_layer(options_.discretisation, block.parameters, options_.limits, block.input, state);
  const Value active =
      engine::apply("Gelu", {block.oscillators.output}, {{"approximate", std::string("tanh")}});
  block.output = x + gated(affine(active, name + ".gate"));
  return block;
}

LinossParameters LinossBuilder::parameters(const std::string& block) const {
  const auto of = [&](const char* name) { return weight(block + "." + name); };
  const bool damped = options_.discretisation == Discretisation::damped;
  return {{of("stiffness"), damped ? of("damping") : Value{}, of("step")},
          of("input"),
          of("output"),
          of("feedthrough")};
}

Value LinossBuilder::normalised(Value x, const std::string& name) const {
  if (options_.norm == BlockNorm::layer)
    return engine::apply("LayerNormalization", {x, weight(name + ".scale"), weight(name + ".shift")},
                         {{"epsilon", static_cast<float>(kEpsilon)}});
  return (x - weight(name + ".mean")) / engine::sqrt(weight(name + ".variance") + kEpsilon);
}

/// values ⊙ σ(gates), which stand side by side.
Value LinossBuilder::gated(Value both) const {
  const Value sizes = engine::integers(*both.graph, {options_.hidden, options_.hidden});
  const auto halves = both.graph->add_node(*engine::find_op("", "Split"), {both.id, sizes.id},
                                           {{"axis", std::int64_t{-1}}}, {"", ""});
  return Value{both.graph, halves[0]} * engine::sigmoid({both.graph, halves[1]});
}

}  // namespace dormouse::learning
