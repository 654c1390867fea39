#include "learning/train.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include "engine/session.h"
#include "engine/window.h"
#include "learning/calibration.h"
#include "learning/step.h"
#include "learning/trainable.h"

namespace dormouse::learning {
namespace {

using engine::DType;
using engine::Graph;
using engine::InputNormaliser;
using engine::Session;
using engine::ValueId;
using engine::WindowShape;
using Drivers = std::span<const engine::Driver* const>;
using Rows = std::vector<std::size_t>;

constexpr std::size_t kBatch = 64;

/// Mean and deviation per channel over all samples of the clips.
InputNormaliser measure_normaliser(const Dataset& data, const Rows& rows) {
  const auto channels = static_cast<std::size_t>(data.clips[rows.front()].shape()[1]);
  std::vector<double> sum(channels), squares(channels);
  double count = 0;
  for (const std::size_t row : rows) {
    const auto values = data.clips[row].values<float>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      sum[i % channels] += values[i];
      squares[i % channels] += double{values[i]} * values[i];
    }
    count += static_cast<double>(values.size() / channels);
  }
  InputNormaliser normaliser;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    const double mean = sum[channel] / count;
    const double variance = std::max(0.0, squares[channel] / count - mean * mean);
    normaliser.mean.push_back(static_cast<float>(mean));
    normaliser.deviation.push_back(variance > 1e-12 ? static_cast<float>(std::sqrt(variance)) : 1.0f);
  }
  return normaliser;
}

struct Split {
  Rows train;
  Rows heldout;
};

Split split(const Dataset& data, const SeedOptions& options) {
  const std::vector<bool> heldout = heldout_rows(data.classes, options);
  Split result;
  for (std::size_t i = 0; i < data.size(); ++i) (heldout[i] ? result.heldout : result.train).push_back(i);
  return result;
}

/// Clips as model inputs, as they are or augmented.
class Inputs {
 public:
  Inputs(const Dataset& data, WindowShape shape, InputNormaliser normaliser)
      : data_(data), shape_(std::move(shape)), normaliser_(std::move(normaliser)) {}

  Tensor batch(std::span<const std::size_t> rows) const {
    std::vector<Tensor> inputs;
    for (const std::size_t row : rows)
      inputs.push_back(engine::window_input(data_.clips[row], shape_, normaliser_));
    return engine::stack(inputs);
  }

  Tensor augmented(std::span<const std::size_t> rows, const TrainOptions& options, Random& random) const {
    std::vector<Tensor> inputs;
    for (const std::size_t row : rows)
      inputs.push_back(engine::window_input(augment(data_.clips[row], options, random), shape_, normaliser_));
    return engine::stack(inputs);
  }

 private:
  /// The clip later, louder or softer, and noisier by random amounts; it stays inside the window where it
  /// fitted.
  Tensor augment(const Tensor& clip, const TrainOptions& options, Random& random) const {
    const std::int64_t length = clip.shape()[0];
    const std::int64_t slack = std::min(options.shift, std::max<std::int64_t>(0, shape_.rows - length));
    const auto start = static_cast<std::int64_t>(random.below(static_cast<std::size_t>(slack) + 1));
    const double gain = std::pow(10.0, options.gain * (2 * random.uniform() - 1) / 20);
    const auto from = clip.values<float>();
    double power = 0;
    for (const float value : from) power += double{value} * value;
    const double noise = options.noise * random.uniform() *
                         std::sqrt(power / static_cast<double>(std::max<std::size_t>(1, from.size())));
    Tensor result(DType::f32, Shape{start + length, clip.shape()[1]});
    const auto to = result.mutable_values<float>();
    std::ranges::transform(from, to.begin() + start * clip.shape()[1],
                           [&](float value) { return static_cast<float>(gain * value); });
    if (noise > 0)
      for (float& value : to) value += static_cast<float>(noise * random.normal());
    return result;
  }

  const Dataset& data_;
  WindowShape shape_;
  InputNormaliser normaliser_;
};

/// Calls `visit(batch of row numbers)` over `rows` in pieces.
template <class Visit>
void in_batches(const Rows& rows, std::size_t size, Visit visit) {
  for (std::size_t first = 0; first < rows.size(); first += size)
    visit(std::span(rows).subspan(first, std::min(size, rows.size() - first)));
}

/// Sets the normalise layer's constants from what reaches it, axis 1 being the channels.
void measure_normalise_layer(BuiltModel& model, const Inputs& inputs, const Rows& rows, Drivers drivers) {
  if (model.normalised == engine::kAbsent) return;
  const ValueId input = model.graph.inputs()[0];
  const Session session(engine::extract(model.graph, std::array{input}, std::array{model.normalised}),
                        drivers);
  const auto channels = static_cast<std::size_t>(model.graph.value(model.normalised).shape[1]);
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
    const double variance = std::max(1e-8, squares[channel] / count - average * average);
    mean.mutable_values<float>()[channel] = static_cast<float>(average);
    deviation.mutable_values<float>()[channel] = static_cast<float>(std::sqrt(variance));
  }
  model.graph.set_constant(model.mean, std::move(mean));
  model.graph.set_constant(model.deviation, std::move(deviation));
}

Tensor smoothed_targets(const Dataset& data, std::span<const std::size_t> rows, double smoothing) {
  std::vector<ClassIndex> classes;
  for (const std::size_t row : rows) classes.push_back(data.classes[row]);
  Tensor targets = one_hot(classes, data.labels.size());
  const double share = smoothing / static_cast<double>(data.labels.size());
  for (float& value : targets.mutable_values<float>())
    value = static_cast<float>(value * (1 - smoothing) + share);
  return targets;
}

/// Trains everything behind the front end; returns the whole graph with the trained weights.
Graph train_graph(const ModelSpec& spec, const BuiltModel& model, const Dataset& data, const Inputs& inputs,
                  Rows rows, Drivers drivers, const std::function<void(const TrainProgress&)>& report,
                  Random& random) {
  const TrainOptions& options = spec.train;
  const ValueId input = model.graph.inputs()[0];
  const Session front(engine::extract(model.graph, std::array{input}, std::array{model.front_end}), drivers);
  const Graph part = engine::extract(model.graph, std::array{model.front_end}, model.graph.outputs());
  Trainer trainer(part, nullptr, {.momentum = static_cast<float>(options.momentum), .drivers = drivers});
  const auto batch_size = static_cast<std::size_t>(options.batch);
  const double steps = static_cast<double>(options.epochs) *
                       std::ceil(static_cast<double>(rows.size()) / static_cast<double>(batch_size));
  double step = 0;
  for (std::int64_t epoch = 1; epoch <= options.epochs; ++epoch) {
    random.shuffle(rows);
    double loss = 0;
    in_batches(rows, batch_size, [&](std::span<const std::size_t> batch) {
      const double rate = options.rate * 0.5 * (1 + std::cos(std::numbers::pi * step++ / steps));
      const Tensor features = front.run(std::array{inputs.augmented(batch, options, random)})[0];
      loss += trainer.step(features, smoothed_targets(data, batch, options.smoothing), {},
                           static_cast<float>(rate)) *
              static_cast<double>(batch.size());
    });
    report({epoch, options.epochs, static_cast<float>(loss / static_cast<double>(rows.size()))});
  }
  return with_parameters(model.graph, trainer.parameters());
}

LabelledLatents latents_from(const Session& session, const Dataset& data, const Inputs& inputs,
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

Seed seed_from(const Graph& graph, ValueId cut, const Dataset& data, const Inputs& inputs, const Split& split,
               const InputNormaliser& normaliser, const SeedOptions& options, Drivers drivers) {
  const ValueId input = graph.inputs()[0];
  const Session trunk(engine::extract(graph, std::array{input}, std::array{cut}), drivers);
  const Graph trainable = engine::extract(graph, std::array{cut}, std::array{graph.outputs()[0]});
  return make_seed(trainable, data.labels, latents_from(trunk, data, inputs, split.train),
                   latents_from(trunk, data, inputs, split.heldout), normaliser, options);
}

PackedInputs packed(const Dataset& data, const Inputs& inputs, const Rows& rows, std::size_t per_class,
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

SeedInputs inputs_to_keep(const Dataset& data, const Inputs& inputs, const Split& split,
                          std::size_t per_class, std::uint64_t seed) {
  Random random(seed);
  PackedInputs replay = packed(data, inputs, split.train, per_class, random);
  return {std::move(replay), packed(data, inputs, split.heldout, per_class, random)};
}

}  // namespace

TrainedModel train_model(const ModelSpec& spec, const Dataset& data, Drivers drivers,
                         const std::function<void(const TrainProgress&)>& report,
                         std::size_t inputs_per_class) {
  Random random(spec.train.seed);
  const SeedOptions options{.heldout_fraction = spec.train.heldout, .seed = spec.train.seed};
  const Split parts = split(data, options);
  BuiltModel model = build_model(spec, data.labels.size(), random);
  const WindowShape shape =
      engine::window_shape(model.graph.value(model.graph.inputs()[0]).shape, spec.channels);
  const InputNormaliser normaliser = measure_normaliser(data, parts.train);
  const Inputs inputs(data, shape, normaliser);
  measure_normalise_layer(model, inputs, parts.train, drivers);
  TrainedModel trained;
  trained.graph = train_graph(spec, model, data, inputs, parts.train, drivers, report, random);
  trained.graph.metadata = {{"dormouse.labels", boost::json::serialize(boost::json::value_from(data.labels))},
                            {"dormouse.cut", trained.graph.value(model.cut).name},
                            {kFrontEnd, trained.graph.value(model.front_end).name}};
  trained.seed = seed_from(trained.graph, model.cut, data, inputs, parts, normaliser, options, drivers);
  trained.inputs = inputs_to_keep(data, inputs, parts, inputs_per_class, options.seed);
  const Graph trainable =
      engine::extract(trained.graph, std::array{model.cut}, std::array{trained.graph.outputs()[0]});
  trained.heldout_accuracy = accuracy(trainable, trained.seed.heldout, drivers);
  return trained;
}

Seed seed_model(const Graph& graph, ValueId cut, const Dataset& data, bool normalise,
                const SeedOptions& options, Drivers drivers) {
  if (graph.inputs().size() != 1)
    throw Failure(Errc::unsupported, "a seed is made for models with one input; this one has " +
                                         std::to_string(graph.inputs().size()));
  const Split parts = split(data, options);
  const InputNormaliser normaliser = normalise ? measure_normaliser(data, parts.train) : InputNormaliser{};
  const WindowShape shape =
      engine::window_shape(graph.value(graph.inputs()[0]).shape, data.clips.front().shape()[1]);
  return seed_from(graph, cut, data, Inputs(data, shape, normaliser), parts, normaliser, options, drivers);
}

SeedInputs seed_inputs(const Graph& graph, const Dataset& data, const InputNormaliser& normaliser,
                       const SeedOptions& options, std::size_t per_class) {
  const WindowShape shape =
      engine::window_shape(graph.value(graph.inputs().at(0)).shape, data.clips.front().shape()[1]);
  return inputs_to_keep(data, Inputs(data, shape, normaliser), split(data, options), per_class, options.seed);
}

}  // namespace dormouse::learning
