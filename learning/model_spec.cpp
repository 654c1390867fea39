#include "learning/model_spec.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>

#include "config/binder.h"
#include "config/text.h"
#include "engine/formats/onnx.h"
#include "engine/formats/safetensors.h"
#include "learning/layers.h"
#include "learning/linear_layer.h"
#include "learning/targets.h"
#include "learning/trainable.h"

namespace dormouse::learning {
namespace {

constexpr std::int64_t kMostOutputs = 65536;

struct InputOptions {
  std::int64_t rows = 0;
  std::int64_t channels = 0;  // 0: not said
  std::vector<std::string> columns;
};

void bind_options(config::Binder& binder, InputOptions& options) {
  binder.required("rows", options.rows, config::range(1, 1 << 24));
  binder.optional("channels", options.channels, config::range(1, 4096));
  binder.optional("columns", options.columns);
}

}  // namespace

void bind_options(config::Binder& binder, DistillationOptions& options) {
  binder.optional("teacher", options.teacher);
  binder.optional("weight", options.weight, config::range(0.0, 1.0));
  binder.optional("temperature", options.temperature, config::range(0.1, 100.0));
}

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
  binder.optional("distillation", options.distillation);
  binder.optional("momentum", options.optimiser.momentum, config::range(0.0, 0.9999));
  binder.optional("optimiser", options.optimiser);
  binder.optional("schedule", options.schedule);
  binder.optional("class_weights", options.balanced,
                  config::one_of<bool>({{"none", false}, {"balanced", true}}));
  binder.optional("memory", options.memory, config::or_word("any"));
  binder.optional("patience", options.patience, config::range(0, 10000));
  binder.optional("checkpoint_every", options.checkpoint_every, config::range(0, 1 << 30));
  binder.optional("shift", options.shift, config::range(0, 1 << 24));
  binder.optional("gain", options.gain, config::range(0.0, 40.0));
  binder.optional("noise", options.noise, config::range(0.0, 10.0));
  binder.optional("heldout", options.heldout, config::range(0.01, 0.5));
  binder.optional("test", options.test, config::range(0.0, 0.5));
  binder.optional("stride", options.stride, config::range(1, 1 << 24));
  binder.optional("seed", options.seed);
}

std::string_view word(TaskKind task) {
  switch (task) {
    case TaskKind::regression:
      return "regression";
    case TaskKind::forecast:
      return "forecast";
    default:
      return "classification";
  }
}

namespace {

void check_distinct(const config::Binder& binder, std::string_view key, std::vector<std::string> names) {
  std::ranges::sort(names);
  if (std::ranges::adjacent_find(names) != names.end()) throw binder.wrong(key, "each has a name of its own");
}

/// What a classifier's spec must not say, and the others' must.
void check_task(const config::Binder& binder, ModelSpec& spec, bool labels, bool outputs) {
  const auto need = [&](bool fine, std::string_view key, const std::string& why) {
    if (!fine) throw binder.wrong(key, why);
  };
  const bool forecast = spec.task == TaskKind::forecast, numbers = spec.task != TaskKind::classification;
  need(numbers || spec.targets.empty(), "targets", "are of task: regression or forecast");
  need(forecast || spec.horizon == 0, "horizon", "is of task: forecast");
  if (!numbers) return;
  need(!labels, "labels", "are classes; a " + std::string(word(spec.task)) + " has targets");
  need(!outputs || spec.targets.empty(), "outputs", "targets say how many outputs there are");
  need(!forecast || spec.horizon > 0, "horizon", "is missing: how many rows are foretold");
  need(!forecast || !outputs, "outputs", "of a forecast are its targets times its horizon");
  check_distinct(binder, "targets", spec.targets);
  check_distinct(binder, "input", spec.columns);
  if (!spec.targets.empty()) spec.outputs = std::ssize(spec.targets);
  if (!forecast) return;
  spec.outputs = spec.horizon * (spec.targets.empty() ? spec.channels : std::ssize(spec.targets));
  need(spec.outputs <= kMostOutputs, "horizon",
       std::to_string(spec.outputs) + " numbers an answer are more than " + std::to_string(kMostOutputs));
}

/// What a way of training must not do to numbers.
void check_training(const config::Binder& binder, const ModelSpec& spec) {
  if (spec.task == TaskKind::classification) return;
  const TrainOptions& train = spec.train;
  const std::string task(word(spec.task));
  if (is_of_classes(train.loss.kind))
    throw binder.wrong("train", "this loss is of classes; for a " + task + " there are mse, mae and huber");
  if (train.balanced) throw binder.wrong("train", "class_weights are of classes; a " + task + " has none");
  if (spec.task == TaskKind::forecast && (train.shift > 0 || train.gain > 0))
    throw binder.wrong("train", "shift and gain change what comes next: a forecast takes noise alone");
}

}  // namespace

ModelSpec read_model_spec(const std::filesystem::path& path) {
  return read_model_spec(config::load_file(path));
}

ModelSpec read_model_spec(const config::Node& root) {
  config::Binder binder(root);
  ModelSpec spec;
  InputOptions input;
  binder.optional("task", spec.task,
                  config::one_of<TaskKind>({{"classification", TaskKind::classification},
                                            {"regression", TaskKind::regression},
                                            {"forecast", TaskKind::forecast}}));
  if (spec.task != TaskKind::classification) spec.train.loss = {.kind = LossKind::mse};
  binder.required("model", spec.name);
  binder.required("input", input);
  binder.required("layers", spec.layers);
  binder.optional("cut", spec.cut);
  const bool named = binder.optional("labels", spec.labels);
  const bool counted = binder.optional("outputs", spec.outputs, config::range(1, kMostOutputs));
  binder.optional("targets", spec.targets);
  binder.optional("horizon", spec.horizon, config::range(1, 1 << 20));
  binder.optional("weights", spec.weights);
  binder.optional("train", spec.train);
  binder.finish();
  if (named && counted) throw binder.wrong("outputs", "labels say how many outputs there are");
  if (named) spec.outputs = std::ssize(spec.labels);
  if (spec.layers.kind != config::Node::Kind::list || spec.layers.items.empty())
    throw binder.wrong("layers", "expected a list of layers");
  spec.rows = input.rows;
  spec.columns = input.columns;
  const bool by_name = spec.task == TaskKind::forecast && input.channels == 0 && !spec.columns.empty();
  spec.channels = by_name ? std::ssize(spec.columns) : std::max<std::int64_t>(1, input.channels);
  if (!spec.columns.empty() && std::ssize(spec.columns) != spec.channels &&
      (spec.task == TaskKind::forecast || std::ssize(spec.columns) != spec.channels * spec.rows))
    throw binder.wrong("input", std::to_string(spec.columns.size()) + " columns are named for " +
                                    std::to_string(spec.channels) + " channels");
  check_task(binder, spec, named, counted);
  check_training(binder, spec);
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
  throw config::complaint(
      item.location, item.path,
      "no layer is called '" + name + "'; there are " + config::join(layer_kinds(), &LayerKind::name));
}

/// Appends every layer; returns what the last one gives.
engine::Value append_layers(BuiltModel& model, const ModelSpec& spec, LayerContext& context) {
  engine::Graph& graph = model.graph;
  const std::int64_t rows = context.stream ? 1 : spec.rows;
  const engine::Shape input = spec.channels == 1 ? engine::Shape{engine::kDynamic, rows}
                                                 : engine::Shape{engine::kDynamic, spec.channels, rows};
  engine::Value x{&graph, graph.add_input("samples", engine::DType::f32, input)};
  model.front_end = engine::kAbsent;
  std::map<std::string, int> seen;
  for (const config::Node& item : spec.layers.items) {
    const auto [name, options] = split(item);
    const LayerKind& kind = kind_called(name, item);
    if (kind.trainable && model.front_end == engine::kAbsent) model.front_end = x.id;
    if (name == "normalise" && model.front_end != engine::kAbsent)
      throw config::complaint(item.location, item.path, "normalise stands before the first trainable layer");
    if (context.stream && !kind.streams)
      throw config::complaint(item.location, item.path, name + " cannot be given samples one at a time");
    context.prefix = name + std::to_string(seen[name]++) + ".";
    try {
      x = kind.append(x, options, context);
    } catch (const Failure& failure) {
      if (failure.error().code == Errc::configuration) throw;
      throw config::complaint(item.location, item.path, failure.error().context);
    }
  }
  return x;
}

/// A value is found by its name again in what is written: no other may have it, not even a layer of the spec's.
void rename_apart(engine::Graph& graph, engine::ValueId value, std::string name) {
  for (auto other = graph.find(name); other && *other != value; other = graph.find(name)) name += "_";
  graph.rename(value, std::move(name));
}

BuiltModel build(const ModelSpec& spec, LayerContext context) {
  BuiltModel model{};
  engine::Graph& graph = model.graph;
  const engine::Value logits = append_layers(model, spec, context);
  rename_apart(graph, logits.id, "logits");
  graph.mark_output(logits.id);
  const auto head = number_head(graph);
  const engine::Shape& answer = logits.shape();
  if (!head || answer.rank() != 2 || (spec.task == TaskKind::classification && head->output != logits.id))
    throw config::complaint(
        spec.layers.location, "layers",
        spec.task == TaskKind::forecast ? "the last layer must be 'linear: {units: outputs}' or 'forecast'"
        : spec.task == TaskKind::regression ? "the last layer must be 'linear: {units: outputs}'"
                                            : "the last layer must be 'linear: {units: labels}'");
  const auto cut = spec.cut.empty() ? std::optional(head->input) : graph.find(spec.cut);
  if (!cut) throw config::complaint(spec.layers.location, "cut", "no layer is named '" + spec.cut + "'");
  model.cut = *cut;
  if (spec.cut.empty()) rename_apart(graph, model.cut, "features");
  model.normalised = context.normalised.id;
  model.mean = context.mean.id;
  model.deviation = context.deviation.id;
  return model;
}

/// The constants that training changes.
std::vector<engine::ValueId> weight_values(const BuiltModel& model) {
  const engine::Graph& graph = model.graph;
  const engine::Graph part =
      engine::extract(graph, std::array{model.front_end}, std::array{graph.outputs().at(0)});
  std::vector<engine::ValueId> values;
  for (const engine::ValueId id : parameters_of(part)) values.push_back(*graph.find(part.value(id).name));
  return values;
}

/// Whether a layer has named it (LayerContext::weight).
bool is_weight(const engine::ValueInfo& value) {
  return value.constant && value.dtype == engine::DType::f32 && value.name.find('.') != value.name.npos;
}

void set_weights(BuiltModel& model, const std::filesystem::path& path) {
  const auto file = engine::read_safetensors(path.string());
  for (const engine::ValueId id : weight_values(model)) {
    const engine::ValueInfo& value = model.graph.value(id);
    const auto found = file.tensors.find(value.name);
    if (found == file.tensors.end())
      throw Failure(Errc::configuration,
                    path.string() + ": no weights '" + value.name + "'; they are of another model");
    const engine::Tensor& weights = found->second;
    if (weights.dtype() != value.dtype || weights.shape() != value.shape)
      throw Failure(Errc::configuration, path.string() + ": '" + value.name + "' is " +
                                             to_string(weights.shape()) +
                                             ", but the layers and labels need " + to_string(value.shape));
    model.graph.set_constant(id, weights.clone());
  }
}

}  // namespace

BuiltModel build_model(const ModelSpec& spec, std::size_t labels, Random& random) {
  LayerContext context{static_cast<std::int64_t>(labels), random};
  context.horizon = spec.horizon;
  BuiltModel model = build(spec, context);
  if (!spec.weights.empty()) set_weights(model, spec.weights);
  return model;
}

std::map<std::string, engine::Tensor> weights_of(const BuiltModel& model) {
  std::map<std::string, engine::Tensor> weights;
  for (const engine::ValueId id : weight_values(model)) {
    const engine::ValueInfo& value = model.graph.value(id);
    weights.emplace(value.name, *value.constant);
  }
  return weights;
}

engine::Graph untrained_model(const ModelSpec& spec) {
  if (spec.outputs == 0)
    throw config::complaint(spec.layers.location, "outputs",
                            "is missing, so that the size of the last layer is not known");
  Random random(spec.train.seed);
  BuiltModel model = build_model(spec, static_cast<std::size_t>(spec.outputs), random);
  model.graph.metadata = model_metadata(model.graph, spec.labels, model.cut, model.front_end);
  return std::move(model.graph);
}

engine::Graph stream_model(const ModelSpec& spec, const engine::Graph& trained) {
  const engine::Shape& logits = trained.value(trained.outputs().at(0)).shape;
  Random random(spec.train.seed);
  StreamStates states;
  LayerContext context{logits.rank() == 2 ? logits[1] : 0, random};
  context.stream = &states;
  engine::Graph graph = build(spec, context).graph;
  for (std::size_t i = 0; i < graph.value_count(); ++i) {
    const auto id = static_cast<engine::ValueId>(i);
    const engine::ValueInfo& value = graph.value(id);
    if (!is_weight(value)) continue;
    const auto from = trained.find(value.name);
    if (!from || !trained.value(*from).constant || trained.value(*from).shape != value.shape)
      throw Failure(Errc::invalid, "the model has no weights '" + value.name + "' of shape " +
                                       to_string(value.shape) + ", as " + spec.name + " needs them");
    graph.set_constant(id, *trained.value(*from).constant);
  }
  states.give(graph);
  graph.metadata = trained.metadata;
  return graph;
}

std::vector<std::pair<std::string, std::string>> model_metadata(const engine::Graph& graph,
                                                                const std::vector<std::string>& labels,
                                                                engine::ValueId cut,
                                                                engine::ValueId front_end) {
  std::vector<std::pair<std::string, std::string>> metadata{{"dormouse.cut", graph.value(cut).name},
                                                            {kFrontEnd, graph.value(front_end).name}};
  if (!labels.empty())
    metadata.emplace(metadata.begin(), engine::kLabelsKey,
                     boost::json::serialize(boost::json::value_from(labels)));
  return metadata;
}

}  // namespace dormouse::learning
