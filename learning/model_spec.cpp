#include "learning/model_spec.h"

#include <algorithm>

#include "config/binder.h"
#include "learning/layers.h"
#include "learning/linear_layer.h"

namespace dormouse::learning {
namespace {

struct InputOptions {
  std::int64_t rows = 0;
  std::int64_t channels = 1;
};

void bind_options(config::Binder& binder, InputOptions& options) {
  binder.required("rows", options.rows, config::range(1, 1 << 24));
  binder.optional("channels", options.channels, config::range(1, 4096));
}

}  // namespace

void bind_options(config::Binder& binder, TrainOptions& options) {
  binder.optional("epochs", options.epochs, config::range(1, 10000));
  binder.optional("batch", options.batch, config::range(1, 4096));
  binder.optional("rate", options.rate, config::range(1e-6, 10.0));
  binder.optional("loss", options.loss.kind,
                  config::one_of<LossKind>({{"cross_entropy", LossKind::cross_entropy},
                                            {"binary_cross_entropy", LossKind::binary_cross_entropy},
                                            {"mse", LossKind::mse},
                                            {"mae", LossKind::mae},
                                            {"huber", LossKind::huber}}));
  binder.optional("smoothing", options.loss.smoothing, config::range(0.0, 0.5));
  binder.optional("huber_delta", options.loss.huber_delta, config::range(1e-6, 1e6));
  binder.optional("momentum", options.optimiser.momentum, config::range(0.0, 0.9999));
  binder.optional("optimiser", options.optimiser);
  binder.optional("schedule", options.schedule);
  binder.optional("class_weights", options.balanced,
                  config::one_of<bool>({{"none", false}, {"balanced", true}}));
  binder.optional("patience", options.patience, config::range(0, 10000));
  binder.optional("checkpoint_every", options.checkpoint_every, config::range(0, 1 << 30));
  binder.optional("shift", options.shift, config::range(0, 1 << 24));
  binder.optional("gain", options.gain, config::range(0.0, 40.0));
  binder.optional("noise", options.noise, config::range(0.0, 10.0));
  binder.optional("heldout", options.heldout, config::range(0.01, 0.5));
  binder.optional("test", options.test, config::range(0.0, 0.5));
  binder.optional("seed", options.seed);
}

ModelSpec read_model_spec(const std::filesystem::path& path) {
  const config::Node root = config::load_file(path);
  config::Binder binder(root);
  ModelSpec spec;
  InputOptions input;
  binder.required("model", spec.name);
  binder.required("input", input);
  binder.required("layers", spec.layers);
  binder.optional("cut", spec.cut);
  binder.optional("train", spec.train);
  binder.finish();
  if (spec.layers.kind != config::Node::Kind::list || spec.layers.items.empty())
    throw binder.wrong("layers", "expected a list of layers");
  spec.rows = input.rows;
  spec.channels = input.channels;
  return spec;
}

namespace {

/// `- relu` or `- conv: {…}`: the kind's name and its options.
std::pair<std::string, config::Node> split(const config::Node& item) {
  if (item.kind == config::Node::Kind::scalar) {
    config::Node none;
    none.location = item.location;
    none.path = item.path;
    return {item.text, none};
  }
  if (item.kind == config::Node::Kind::map && item.entries.size() == 1)
    return {item.entries[0].key, item.entries[0].value};
  throw config::complaint(item.location, item.path, "expected a layer: '- relu' or '- conv: {channels: 32}'");
}

const LayerKind& kind_called(const std::string& name, const config::Node& item) {
  const auto found = std::ranges::find(layer_kinds(), name, &LayerKind::name);
  if (found != layer_kinds().end()) return *found;
  std::string known;
  for (const LayerKind& kind : layer_kinds()) known += (known.empty() ? "" : ", ") + std::string(kind.name);
  throw config::complaint(item.location, item.path, "no layer is called '" + name + "'; there are " + known);
}

}  // namespace

BuiltModel build_model(const ModelSpec& spec, std::size_t labels, Random& random) {
  BuiltModel model{};
  engine::Graph& graph = model.graph;
  const engine::Shape input = spec.channels == 1 ? engine::Shape{engine::kDynamic, spec.rows}
                                                 : engine::Shape{engine::kDynamic, spec.channels, spec.rows};
  engine::Value x{&graph, graph.add_input("samples", engine::DType::f32, input)};
  LayerContext context{static_cast<std::int64_t>(labels), random};
  model.front_end = engine::kAbsent;
  for (const config::Node& item : spec.layers.items) {
    const auto [name, options] = split(item);
    const LayerKind& kind = kind_called(name, item);
    if (kind.trainable && model.front_end == engine::kAbsent) model.front_end = x.id;
    if (name == "normalise" && model.front_end != engine::kAbsent)
      throw config::complaint(item.location, item.path, "normalise stands before the first trainable layer");
    try {
      x = kind.append(x, options, context);
    } catch (const Failure& failure) {
      if (failure.error().code == Errc::configuration) throw;
      throw config::complaint(item.location, item.path, failure.error().context);
    }
  }
  graph.rename(x.id, "logits");
  graph.mark_output(x.id);
  const auto head = linear_layer_to(graph, x.id);
  if (!head)
    throw config::complaint(spec.layers.location, "layers",
                            "the last layer must be 'linear: {units: labels}'");
  const auto cut = spec.cut.empty() ? std::optional(head->input) : graph.find(spec.cut);
  if (!cut) throw config::complaint(spec.layers.location, "cut", "no layer is named '" + spec.cut + "'");
  model.cut = *cut;
  if (spec.cut.empty()) graph.rename(model.cut, "features");
  model.normalised = context.normalised.id;
  model.mean = context.mean.id;
  model.deviation = context.deviation.id;
  return model;
}

}  // namespace dormouse::learning
