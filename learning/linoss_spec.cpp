#include "learning/linoss_spec.h"

#include "learning/linoss_network.h"

namespace dormouse::learning {
namespace {

struct LinossLayerOptions {
  LinossOptions network;
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
  binder.optional("name", options.name);
}

/// [N, T] or [N, channels, T] as [N, T, channels].
engine::Value by_time(engine::Value x) {
  if (x.shape().rank() == 2) return engine::apply("Unsqueeze", {x, engine::integers(*x.graph, {2})});
  return engine::transpose(x, {0, 2, 1});
}

}  // namespace

engine::Value append_linoss(engine::Value x, const config::Node& node, LayerContext& context) {
  auto options = config::read<LinossLayerOptions>(node);
  if (x.shape().rank() != 2 && x.shape().rank() != 3)
    throw config::complaint(node.location, node.path, "linoss takes samples, in channels or without");
  const engine::Value samples = by_time(x);
  options.network.inputs = samples.shape()[2];
  LinossWeights weights = initial_weights(options.network, context.random);
  std::erase_if(weights, [](const auto& weight) { return weight.first.starts_with("head."); });
  const engine::Value features = linoss_features(samples, options.network, weights, context.prefix);
  if (!options.name.empty()) x.graph->rename(features.id, options.name);
  return features;
}

}  // namespace dormouse::learning
