#include "learning/train.h"

#include <algorithm>
#include <cmath>

#include "engine/session.h"
#include "learning/calibration.h"
#include "learning/clip_inputs.h"
#include "learning/linear_layer.h"
#include "learning/step.h"
#include "learning/training_data.h"

namespace dormouse::learning {
namespace {

using engine::DType;
using engine::Graph;
using engine::InputNormaliser;
using engine::Session;
using engine::ValueId;
using Drivers = std::span<const engine::Driver* const>;

constexpr std::size_t kBatch = 64;

/// Calls `visit(batch of row numbers)` over `rows` in pieces.
template <class Visit>
void in_batches(const Rows& rows, std::size_t size, Visit visit) {
  for (std::size_t first = 0; first < rows.size(); first += size)
    visit(std::span(rows).subspan(first, std::min(size, rows.size() - first)));
}

/// Sets the normalise layer's constants from what reaches it, axis 1 being the channels.
void measure_normalise_layer(BuiltModel& model, const ClipInputs& inputs, const Rows& rows, Drivers drivers) {
  if (model.normalised == engine::kAbsent) return;
  const ValueId input = model.graph.inputs()[0];
  const Session session(engine::extract(model.graph, std::array{input}, std::array{model.normalised}),
                        drivers);
  const auto channels = static_cast<std::size_t>(model.graph.value(model.mean).constant->elements());
  std::vector<double> sum(channels), squares(channels);
  double count = 0;
  in_batches(rows, kBatch, [&](std::span<const std::size_t> batch) {
    const Tensor values = session.run(std::array{inputs.batch(batch)})[0];
    const auto inner = static_cast<std::size_t>(values.shape().elements(2, values.shape().rank()));
    const auto data = values.values<float>();
    for (std::size_t i = 0; i < data.size(); ++i) {
      const std::size_t channel = i / inner % channels;
      sum[channel] += data[i];
      squares[channel] += double{data[i]} * data[i];
    }
    count += static_cast<double>(data.size() / channels);
  });
  Tensor mean(DType::f32, model.graph.value(model.mean).shape), deviation = mean.clone();
  for (std::size_t channel = 0; channel < channels; ++channel) {
    const double average = sum[channel] / count;
    const double variance = squares[channel] / count - average * average;
    mean.mutable_values<float>()[channel] = static_cast<float>(average);
    // What never changed in training is no measure of what it may do later.
    deviation.mutable_values<float>()[channel] =
        variance > 1e-12 * average * average + 1e-30 ? static_cast<float>(std::sqrt(variance)) : 1.0f;
  }
  model.graph.set_constant(model.mean, std::move(mean));
  model.graph.set_constant(model.deviation, std::move(deviation));
}

/// A model that is about to be trained, and what on.
struct Task {
  std::string name;
  Graph graph;
  ValueId front_end;  ///< what lies before it is fixed
  ValueId cut;
  const TrainOptions& options;
  const Dataset& data;
  const ClipInputs& inputs;
  const Split& split;
  Drivers drivers;
  const NumberModel* numbers = nullptr;  ///< told instead of classes; `graph` answers in its deviations
};

/// What has to be the same for a checkpoint to be one of this run.
std::string signature(const Task& task, bool with_teacher) {
  const TrainOptions& o = task.options;
  const std::string teacher = with_teacher
                                  ? ", a teacher of weight " + std::to_string(o.distillation.weight) +
                                        " at temperature " + std::to_string(o.distillation.temperature)
                                  : "";
  return task.name + ", " + std::to_string(task.split.train.size()) + " examples of " +
         (task.numbers ? std::to_string(task.data.targets.front().elements()) + " numbers, "
                       : std::to_string(task.data.labels.size()) + " classes, ") +
         std::to_string(o.epochs) + " epochs of batches of " + std::to_string(o.batch) + ", rate " +
         std::to_string(o.rate) + ", seed " + std::to_string(o.seed) + teacher;
}

/// Fits everything behind the front end; the whole graph with the fitted weights.
Graph fitted(const Task& task, const TrainReport& report, const TrainRun& run,
             std::vector<EpochRecord>& epochs) {
  const TrainOptions& options = task.options;
  std::optional<Teacher> teacher;
  if (run.teacher) teacher.emplace(*run.teacher, task.data, task.inputs.channels(), task.drivers);
  LossOptions losses = options.loss;
  losses.distillation = teacher ? options.distillation.weight : 0;
  losses.temperature = options.distillation.temperature;
  const TrainingData source({task.graph, task.front_end, task.data, task.inputs, task.split, options,
                             teacher ? &*teacher : nullptr, task.numbers},
                            task.drivers);
  Fit fit(engine::extract(task.graph, std::array{task.front_end}, std::array{task.graph.outputs()[0]}),
          {losses, options.optimiser, task.drivers,
           static_cast<std::size_t>(options.memory.value_or(config::Bytes{}).count)});
  const FitData data = source.fit_data();
  FitProgress progress;
  const Parameters parameters = run_fit(
      fit, data, fit_run_options(options, run, report, data.batches, signature(task, run.teacher != nullptr)),
      progress, run.resume);
  epochs = progress.epochs;
  return with_parameters(task.graph, parameters);
}

LabelledLatents latents_from(const Session& session, const Dataset& data, const ClipInputs& inputs,
                             const Rows& rows) {
  std::vector<Tensor> parts;
  LabelledLatents result;
  in_batches(rows, kBatch, [&](std::span<const std::size_t> batch) {
    const Tensor latents = session.run(std::array{inputs.batch(batch)})[0];
    LabelledLatents part{
        latents.reshaped({latents.shape()[0], latents.shape().elements(1, latents.shape().rank())}), {}};
    for (const std::size_t row : batch) part.classes.push_back(data.classes[row]);
    result = concatenate(result, part);
  });
  return result;
}

double accuracy(const Graph& trainable, const LabelledLatents& data, Drivers drivers) {
  return share_right(predictions(Session(trainable, drivers).run(std::array{data.latents})[0]), data.classes);
}

Seed seed_from(const Graph& graph, ValueId cut, const Dataset& data, const ClipInputs& inputs,
               const Split& split, const SeedOptions& options, Drivers drivers) {
  const ValueId input = graph.inputs()[0];
  const Session trunk(engine::extract(graph, std::array{input}, std::array{cut}), drivers);
  const Graph trainable = engine::extract(graph, std::array{cut}, std::array{graph.outputs()[0]});
  return make_seed(trainable, data.labels, latents_from(trunk, data, inputs, split.train),
                   latents_from(trunk, data, inputs, split.heldout), inputs.normaliser(), options);
}

PackedInputs packed(const Dataset& data, const ClipInputs& inputs, const Rows& rows, std::size_t per_class,
                    Random& random) {
  std::vector<Rows> by_class(data.labels.size());
  for (const std::size_t row : rows) by_class[data.classes[row]].push_back(row);
  std::optional<PackedInputs> kept;
  for (Rows& of_class : by_class) {
    random.shuffle(of_class);
    of_class.resize(std::min(of_class.size(), per_class));
    for (const std::size_t row : of_class) {
      const Tensor input = inputs.batch(std::span(&row, 1));
      if (!kept) kept.emplace(input.shape());
      kept->add(input.values<float>(), data.classes[row]);
    }
  }
  return kept.value_or(PackedInputs{});
}

SeedInputs inputs_to_keep(const Dataset& data, const ClipInputs& inputs, const Split& split,
                          std::size_t per_class, std::uint64_t seed) {
  Random random(seed);
  PackedInputs replay = packed(data, inputs, split.train, per_class, random);
  return {std::move(replay), packed(data, inputs, split.heldout, per_class, random)};
}

/// Which test clip is taken for which class.
std::optional<Confusion> tested(const Task& task, const Graph& graph) {
  if (task.split.test.empty()) return std::nullopt;
  const Session session(engine::extract(graph, graph.inputs(), std::array{graph.outputs()[0]}), task.drivers);
  Confusion confusion(task.data.labels.size());
  in_batches(task.split.test, kBatch, [&](std::span<const std::size_t> batch) {
    const auto named = predictions(session.run(std::array{task.inputs.batch(batch)})[0]);
    for (std::size_t i = 0; i < batch.size(); ++i) confusion.add(task.data.classes[batch[i]], named[i]);
  });
  return confusion;
}

/// How far off a graph is that answers in units.
std::optional<NumberErrors> errors_of(const Task& task, const Graph& graph, const Rows& rows) {
  if (rows.empty()) return std::nullopt;
  const Session session(graph, task.drivers);
  NumberErrors errors(task.numbers->deviation, static_cast<std::size_t>(task.numbers->rows()));
  in_batches(rows, kBatch, [&](std::span<const std::size_t> batch) {
    const Tensor answers = session.run(std::array{task.inputs.batch(batch)})[0];
    const Tensor truths = target_rows(task.data, batch, nullptr);
    errors.add(answers.values<float>(), truths.values<float>());
  });
  return errors;
}

TrainedModel train_numbers(const Task& task, const TrainReport& report, const TrainRun& run) {
  if (run.teacher)
    throw Failure(Errc::invalid,
                  "a teacher's soft answers are of classes; numbers have none: train without a teacher");
  if (is_of_classes(task.options.loss.kind) || task.options.balanced)
    throw Failure(Errc::invalid,
                  "cross-entropies and class_weights are of classes; for numbers there are the losses "
                  "mse, mae and huber");
  TrainedModel trained;
  trained.numbers = *task.numbers;
  trained.graph = fitted(task, report, run, trained.epochs);
  answer_in_units(trained.graph, *task.numbers);
  trained.graph.metadata = model_metadata(task.graph, {}, task.cut, task.front_end);
  for (auto& entry : metadata_of(*task.numbers)) trained.graph.metadata.push_back(std::move(entry));
  const Graph alone =
      engine::extract(trained.graph, trained.graph.inputs(), std::array{trained.graph.outputs()[0]});
  trained.heldout_errors = errors_of(task, alone, task.split.heldout);
  trained.test_errors = errors_of(task, alone, task.split.test);
  return trained;
}

TrainedModel train(const Task& task, const TrainReport& report, const TrainRun& run) {
  if (task.numbers) return train_numbers(task, report, run);
  TrainedModel trained;
  trained.graph = fitted(task, report, run, trained.epochs);
  trained.graph.metadata = model_metadata(task.graph, task.data.labels, task.cut, task.front_end);
  const SeedOptions options{.heldout_fraction = task.options.heldout, .seed = task.options.seed};
  trained.seed =
      seed_from(trained.graph, task.cut, task.data, task.inputs, task.split, options, task.drivers);
  trained.inputs = inputs_to_keep(task.data, task.inputs, task.split, run.inputs_per_class, options.seed);
  const Graph trainable =
      engine::extract(trained.graph, std::array{task.cut}, std::array{trained.graph.outputs()[0]});
  trained.heldout_accuracy = accuracy(trainable, trained.seed.heldout, task.drivers);
  trained.test = tested(task, trained.graph);
  return trained;
}

Split split_for(const Dataset& data, const TrainOptions& options) {
  return split(data, {.heldout = options.heldout, .test = options.test, .seed = options.seed});
}

Split split_for(const Dataset& data, const SeedOptions& options) {
  return split(data, {.heldout = options.heldout_fraction,
                      .heldout_per_class = options.heldout_per_class,
                      .seed = options.seed});
}

/// The last linear layer with as many outputs as there are labels: itself, or a fresh one. Whether it is
/// itself.
bool fit_head(Graph& graph, std::size_t labels, std::uint64_t seed) {
  const auto head = linear_layer_to(graph, graph.outputs().at(0));
  if (!head)
    throw Failure(Errc::unsupported, "the model's first output '" + graph.value(graph.outputs().at(0)).name +
                                         "' is no linear layer's, so that there is no head to train");
  const Shape& shape = graph.value(head->weight).shape;
  const std::int64_t in = shape[head->transposed ? 1 : 0], out = shape[head->transposed ? 0 : 1];
  const auto wanted = static_cast<std::int64_t>(labels);
  if (out == wanted) return true;
  Random random(seed);
  Tensor weights(DType::f32, head->transposed ? Shape{wanted, in} : Shape{in, wanted});
  for (float& weight : weights.mutable_values<float>())
    weight = static_cast<float>(random.normal() / std::sqrt(static_cast<double>(in)));
  graph.set_constant(head->weight, std::move(weights));
  if (head->bias != engine::kAbsent) graph.set_constant(head->bias, Tensor(DType::f32, Shape{wanted}));
  graph.reinfer();
  return false;
}

/// How many outputs the data asks for.
std::size_t outputs_of(const Dataset& data) {
  return data.targets.empty() ? data.labels.size()
                              : static_cast<std::size_t>(data.targets.front().elements());
}

/// What the targets of these examples are, and their scale; nothing for classes.
std::optional<NumberModel> numbers_of(const Dataset& data, const Rows& rows) {
  if (data.targets.empty()) return std::nullopt;
  NumberModel numbers = measure_targets(data, rows);
  if (!data.moments.empty()) numbers.horizon = data.moments.front().last - data.moments.front().first;
  numbers.columns = data.input_names;
  return numbers;
}

/// Of the data as the model is to see it. Each column of a table is a channel, whatever the spec makes of a
/// flat input.
std::int64_t channels_of(const ModelSpec& spec, const Shape& input, const Dataset& data) {
  const Shape& clip = data.clips.front().shape();
  if (!data.table || input.rank() != 2) return spec.channels;
  if (clip[1] != input[1])
    throw Failure(Errc::invalid, "the table has " + std::to_string(clip[1]) +
                                     " columns besides the label, and the model takes " +
                                     std::to_string(input[1]));
  return clip[1];
}

std::optional<ValueId> named_in_metadata(const Graph& graph, std::string_view key) {
  const auto entry = std::ranges::find(graph.metadata, key, &std::pair<std::string, std::string>::first);
  return entry == graph.metadata.end() ? std::nullopt : graph.find(entry->second);
}

}  // namespace

TrainedModel train_model(const ModelSpec& spec, const Dataset& data, Drivers drivers,
                         const TrainReport& report, const TrainRun& run) {
  Random random(spec.train.seed);
  const Split parts = split_for(data, spec.train);
  const auto numbers = numbers_of(data, parts.train);
  if (numbers && spec.outputs > 0 && std::cmp_not_equal(spec.outputs, outputs_of(data)))
    throw Failure(Errc::invalid, spec.name + " answers with " + std::to_string(spec.outputs) +
                                     " numbers, and the data has " + std::to_string(outputs_of(data)));
  BuiltModel model = build_model(spec, outputs_of(data), random);
  const Shape input = model.graph.value(model.graph.inputs()[0]).shape;
  // Numbers are told from inputs as they are: what normalises them is part of the model.
  const std::int64_t channels = channels_of(spec, input, data);
  const ClipInputs inputs(data, input, channels,
                          numbers ? InputNormaliser{} : measure_normaliser(data, parts.train, channels));
  measure_normalise_layer(model, inputs, parts.train, drivers);
  return train({spec.name, model.graph, model.front_end, model.cut, spec.train, data, inputs, parts, drivers,
                numbers ? &*numbers : nullptr},
               report, run);
}

TrainedModel fine_tune(Graph graph, const Dataset& data, const Trainable& trainable,
                       const InputNormaliser& normaliser, const TrainOptions& options, Drivers drivers,
                       const TrainReport& report, const TrainRun& run) {
  if (graph.inputs().size() != 1)
    throw Failure(Errc::unsupported,
                  "models with one input are trained; this one has " + std::to_string(graph.inputs().size()));
  const Split parts = split_for(data, options);
  const auto known = number_model(graph);
  const auto numbers = numbers_of(data, parts.train);
  if (numbers && known && known->horizon > 0) {
    answer_in_deviations(graph, *numbers);
  } else if (fit_head(graph, outputs_of(data), options.seed) && numbers) {
    answer_in_deviations(graph, *numbers);
  }
  const ValueId input = graph.inputs()[0];
  const ValueId cut = named_in_metadata(graph, "dormouse.cut").value_or(number_head(graph)->input);
  const bool moves_trunk = trainable.trunk || trainable.anywhere;
  const ValueId front_end = moves_trunk ? named_in_metadata(graph, kFrontEnd).value_or(input) : cut;
  apply(graph, cut, trainable, nullptr);
  const std::int64_t channels = data.clips.front().shape()[1];
  const ClipInputs inputs(data, graph.value(input).shape, channels, normaliser);
  return train({"a model given", graph, front_end, cut, options, data, inputs, parts, drivers,
                numbers ? &*numbers : nullptr},
               report, run);
}

Seed seed_model(const Graph& graph, ValueId cut, const Dataset& data, bool normalise,
                const SeedOptions& options, Drivers drivers) {
  if (graph.inputs().size() != 1)
    throw Failure(Errc::unsupported, "a seed is made for models with one input; this one has " +
                                         std::to_string(graph.inputs().size()));
  const Split parts = split_for(data, options);
  const std::int64_t channels = data.clips.front().shape()[1];
  const InputNormaliser normaliser =
      normalise ? measure_normaliser(data, parts.train, channels) : InputNormaliser{};
  const ClipInputs inputs(data, graph.value(graph.inputs()[0]).shape, channels, normaliser);
  return seed_from(graph, cut, data, inputs, parts, options, drivers);
}

SeedInputs seed_inputs(const Graph& graph, const Dataset& data, const InputNormaliser& normaliser,
                       const SeedOptions& options, std::size_t per_class) {
  const ClipInputs inputs(data, graph.value(graph.inputs().at(0)).shape, data.clips.front().shape()[1],
                          normaliser);
  return inputs_to_keep(data, inputs, split_for(data, options), per_class, options.seed);
}

}  // namespace dormouse::learning
