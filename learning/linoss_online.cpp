#include "learning/linoss_online.h"

#include <algorithm>

#include "engine/autodiff.h"
#include "learning/linoss_builder.h"
#include "learning/linoss_traces.h"

namespace dormouse::learning {
namespace {

using engine::Value;
using engine::ValueId;

/// A block at one sample, its traces after it.
struct Traced {
  LinossBuilder::Block block;
  OscillatorTraces traces;
};

/// Declares the block's state as inputs and appends the block; `after` learns what the state becomes.
Traced traced_block(LinossBuilder& builder, const LinossOptions& options, std::int64_t index, Value x,
                    std::vector<std::pair<std::string, Value>>& after) {
  const std::int64_t m = options.oscillators;
  const std::int64_t parameters = options.discretisation == Discretisation::damped ? 3 : 2;
  const std::string name = LinossBuilder::block_name(index);
  const Value state = builder.input(name + ".state", {1, 2, 2 * m});
  const OscillatorTraces before{builder.input(name + ".traces", {parameters, 2, 2 * m}),
                                builder.input(name + ".input_traces", {options.hidden, 2, m})};
  const LinossBuilder::Block block = builder.block(index, x, state);
  const OscillatorTraces traces =
      traces_after(block.parameters, block.input, block.oscillators, state, before);
  after.emplace_back(name + ".state", block.oscillators.last);
  after.emplace_back(name + ".traces", traces.parameters);
  after.emplace_back(name + ".input_traces", traces.input);
  return {block, traces};
}

bool can_learn(const std::string& name) {
  return !name.ends_with(".norm.mean") && !name.ends_with(".norm.variance");
}

/// The gradients of the current sample alone, but where traces know more.
std::vector<ValueId> gradients(engine::Graph& graph, ValueId loss, const std::vector<ValueId>& weights,
                               const std::vector<Traced>& blocks) {
  std::vector<ValueId> wrt = weights;
  for (const Traced& traced : blocks) wrt.push_back(traced.block.oscillators.states.id);
  std::vector<ValueId> result = engine::differentiate(graph, loss, wrt);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Value upstream{&graph, result[weights.size() + i]};
    const LinossParameters& of = blocks[i].block.parameters;
    const OscillatorGradients exact = online_gradients(of, blocks[i].traces, upstream);
    const auto replace = [&](Value weight, Value gradient) {
      if (weight)
        result[static_cast<std::size_t>(std::ranges::find(weights, weight.id) - weights.begin())] =
            gradient.id;
    };
    replace(of.oscillators.stiffness, exact.stiffness);
    replace(of.oscillators.damping, exact.damping);
    replace(of.oscillators.step, exact.step);
    replace(of.input, exact.input);
  }
  result.resize(weights.size());
  return result;
}

}  // namespace

OnlineGraph linoss_online_graph(const LinossOptions& options, const LinossWeights& weights,
                                const OnlineLoss& loss) {
  OnlineGraph online;
  engine::Graph& graph = online.graph;
  LinossBuilder builder(graph, options, weights);
  Value x = builder.affine(builder.input("samples", {1, 1, options.inputs}), "encoder");
  const Value target = builder.input("target", {1, options.outputs});
  std::vector<std::pair<std::string, Value>> after;
  std::vector<Traced> blocks;
  for (std::int64_t i = 0; i < options.blocks; ++i) {
    blocks.push_back(traced_block(builder, options, i, x, after));
    x = blocks.back().block.output;
  }
  const Value answer = builder.answer(engine::reshape(x, {1, options.hidden}));
  const Value error = loss(answer, target);
  builder.give(answer, "answer");
  builder.give(error, "loss");
  for (const auto& [name, value] : after) builder.give(value, name + ".next");
  for (const auto& [name, tensor] : weights)
    if (can_learn(name)) online.weights.push_back(builder.weight(name).id);
  online.gradients = gradients(graph, error.id, online.weights, blocks);
  return online;
}

}  // namespace dormouse::learning
