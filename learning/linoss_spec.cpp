#include "learning/linoss_spec.h"

#include "learning/linoss_network.h"

namespace dormouse::learning {
namespace {

struct LinossLayerOptions {
  LinossOptions network;
  SequenceOutput output = SequenceOutput::mean;
  std::string name;
};

void bind_options(config::Binder& binder, LinossLayerOptions& options) {
  binder.optional("hidden", options.network.hidden, config::range(1, 4096));
  binder.optional("oscillators", options.network.oscillators, config::range(2, 4096));
  binder.optional("blocks", options.network.blocks, config::range(1, 64));
  binder.optional(
      "discretisation", options.network.discretisation,
      config::one_of<Discretisation>(
          {{"im", Discretisation::im}, {"imex", Discretisation::imex}, {"damped", Discretisation::damped}}));
  binder.optional("least_stiffness", options.network.limits.stiffness, config::range(0.0, 1.0));
  binder.optional("least_damping", options.network.limits.damping, config::range(0.0, 1.0));
  binder.optional("output", options.output,
                  config::one_of<SequenceOutput>({{"mean", SequenceOutput::mean},
                                                  {"last", SequenceOutput::last},
                                                  {"sequence", SequenceOutput::sequence}}));
  binder.optional("name", options.name);
}

}  // namespace

engine::Value append_linoss(engine::Value x, const config::Node& node, LayerContext& context) {
  auto options = config::read<LinossLayerOptions>(node);
  const engine::Value samples = by_time(x, node);
  options.network.inputs = samples.shape()[2];
  LinossWeights weights = initial_weights(options.network, context.random);
  std::erase_if(weights, [](const auto& weight) { return weight.first.starts_with("head."); });
  const auto name = [&](std::size_t block) {
    return context.prefix + "block" + std::to_string(block) + ".state";
  };
  std::vector<engine::Value> states;
  for (std::size_t i = 0; context.stream && std::cmp_less(i, options.network.blocks); ++i)
    states.push_back(
        context.stream->before(*x.graph, name(i), {engine::kDynamic, 2, 2 * options.network.oscillators}));
  const LinossSequence made = linoss_sequence(samples, options.network, weights, context.prefix, states);
  for (std::size_t i = 0; i < states.size(); ++i) context.stream->after(name(i), made.states[i]);
  return named(context.read_out(made.output, options.output), options.name);
}

}  // namespace dormouse::learning
