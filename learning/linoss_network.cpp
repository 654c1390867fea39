#include "learning/linoss_network.h"

#include "engine/op.h"

namespace dormouse::learning {
namespace {

using engine::Graph;
using engine::kDynamic;
using engine::Shape;
using engine::Tensor;
using engine::Value;

constexpr double kEpsilon = 1e-5;  // of normalisation

/// The graph under construction and the weights it reads.
class Builder {
 public:
  Builder(const LinossOptions& options, const LinossWeights& weights) : options_(options) {
    for (const auto& [name, tensor] : weights)
      values_.emplace(name, Value{&graph, graph.add_constant(name, tensor)});
  }

  Graph graph;

  Value weight(const std::string& name) const {
    const auto found = values_.find(name);
    if (found == values_.end())
      throw Failure(Errc::invalid, "the weights of the LinOSS network lack '" + name + "'");
    return found->second;
  }

  Value input(const std::string& name, Shape shape) {
    return {&graph, graph.add_input(name, weight("head.bias").dtype(), std::move(shape))};
  }

  Value affine(Value x, const std::string& name) const {
    return engine::matmul(x, weight(name + ".weight")) + weight(name + ".bias");
  }

  Value answer(Value x) const {
    const Value y = affine(x, "head");
    return options_.bounded ? engine::tanh(y) : y;
  }

  /// Appends a block; `state` becomes the one after the last sample.
  Value block(std::int64_t index, Value x, Value& state) const {
    const std::string name = "block" + std::to_string(index);
    const LinossOutput oscillating = linoss_layer(options_.discretisation, parameters(name), options_.limits,
                                                  normalised(x, name + ".norm"), state);
    state = oscillating.last;
    const Value active = engine::apply("Gelu", {oscillating.output}, {{"approximate", std::string("tanh")}});
    return x + gated(affine(active, name + ".gate"));
  }

 private:
  LinossParameters parameters(const std::string& block) const {
    const auto of = [&](const char* name) { return weight(block + "." + name); };
    const bool damped = options_.discretisation == Discretisation::damped;
    return {{of("stiffness"), damped ? of("damping") : Value{}, of("step")},
            of("input"),
            of("output"),
            of("feedthrough")};
  }

  Value normalised(Value x, const std::string& name) const {
    if (options_.norm == BlockNorm::layer)
      return engine::apply("LayerNormalization", {x, weight(name + ".scale"), weight(name + ".shift")},
                           {{"epsilon", static_cast<float>(kEpsilon)}});
    return (x - weight(name + ".mean")) / engine::sqrt(weight(name + ".variance") + kEpsilon);
  }

  /// values ⊙ σ(gates), which stand side by side.
  Value gated(Value both) const {
    const Value sizes = engine::integers(*both.graph, {options_.hidden, options_.hidden});
    const auto halves = both.graph->add_node(*engine::find_op("", "Split"), {both.id, sizes.id},
                                             {{"axis", std::int64_t{-1}}}, {"", ""});
    return Value{both.graph, halves[0]} * engine::sigmoid({both.graph, halves[1]});
  }

  const LinossOptions& options_;
  std::map<std::string, Value> values_;
};

/// The samples of a sequence [N, T, H] that are answered.
Value read_out(Value x, const LinossOptions& options) {
  const auto at = [&](std::int64_t value) { return engine::integers(*x.graph, {value}); };
  const std::int64_t steps = options.readout_steps;
  if (options.readout == Readout::mean) return engine::reduce_mean(x, {1}, false);
  if (options.readout == Readout::last) return engine::apply("Slice", {x, at(-steps), at(INT64_MAX), at(1)});
  return engine::apply("Slice", {x, at(steps - 1), at(INT64_MAX), at(1), at(steps)});
}

void give(Graph& graph, Value value, const std::string& name) {
  graph.rename(value.id, name);
  graph.mark_output(value.id);
}

}  // namespace

Graph linoss_graph(const LinossOptions& options, const LinossWeights& weights) {
  Builder builder(options, weights);
  Value x = builder.affine(builder.input("samples", {kDynamic, kDynamic, options.inputs}), "encoder");
  for (std::int64_t i = 0; i < options.blocks; ++i) {
    Value at_rest;
    x = builder.block(i, x, at_rest);
  }
  give(builder.graph, builder.answer(read_out(x, options)), "answers");
  return std::move(builder.graph);
}

Graph linoss_stream_graph(const LinossOptions& options, const LinossWeights& weights, std::int64_t window) {
  Builder builder(options, weights);
  Graph& graph = builder.graph;
  Value x = builder.affine(builder.input("samples", {kDynamic, 1, options.inputs}), "encoder");
  std::vector<std::pair<std::string, Value>> after;
  for (std::int64_t i = 0; i < options.blocks; ++i) {
    const std::string name = "block" + std::to_string(i) + ".state";
    Value state = builder.input(name, {kDynamic, 2, 2 * options.oscillators});
    x = builder.block(i, x, state);
    after.emplace_back(name, state);
  }
  x = engine::apply("Squeeze", {x, engine::integers(graph, {1})});
  if (options.readout == Readout::mean) {
    const Value mean = builder.input("mean", {kDynamic, options.hidden});
    const Value count = builder.input("count", {kDynamic, 1}) + 1;
    x = mean + (x - mean) / count;
    after.emplace_back("mean", x);
    after.emplace_back("count", engine::apply("Min", {count, engine::scalar_like(count, double(window))}));
  }
  give(graph, builder.answer(x), "answer");
  for (const auto& [name, value] : after) give(graph, value, name + ".next");
  return std::move(graph);
}

}  // namespace dormouse::learning
