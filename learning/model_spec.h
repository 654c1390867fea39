#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/scalars.h"
#include "config/yaml.h"
#include "engine/graph.h"
#include "learning/loss.h"
#include "learning/optimiser.h"
#include "learning/random.h"
#include "learning/schedule.h"

namespace dormouse::learning {

/// What a model answers with.
enum class TaskKind : std::uint8_t {
  classification,  ///< one of its labels
  regression,      ///< numbers
  forecast,        ///< the next rows of the series that it is shown
};
std::string_view word(TaskKind task);

/// Learning from another model's answers besides the labels (Hinton, Vinyals & Dean 2015).
struct DistillationOptions {
  std::filesystem::path teacher;  ///< ONNX; empty: none
  double weight = 0.7;            ///< its share of the loss
  double temperature = 2;         ///< at which both answers are compared
};

/// How a model is trained.
struct TrainOptions {
  std::int64_t epochs = 30;
  std::int64_t batch = 32;
  double rate = 0.05;  ///< of learning, at its greatest
  LossOptions loss{.smoothing = 0.1};
  DistillationOptions distillation;
  OptimiserOptions optimiser;
  ScheduleOptions schedule;
  bool balanced = false;              ///< classes weigh alike, however many examples they have
  std::optional<config::Bytes> memory;  ///< that an update may take, see Fit::Options; nothing: any
  std::int64_t patience = 0;          ///< epochs without a better validation loss before it ends; 0: never
  std::int64_t checkpoint_every = 0;  ///< updates, besides the end of every epoch; 0: there alone
  std::int64_t shift = 0;             ///< augmentation: clips start up to this many rows later
  double gain = 0;                    ///< augmentation: up to ± this many dB
  double noise = 0;         ///< augmentation: white noise, up to this deviation relative to the clip's own
  double heldout = 0.1;     ///< share of the clips kept from training: validation, guard, temperature
  double test = 0;          ///< share that nothing sees before the end
  std::int64_t stride = 1;  ///< rows between the beginnings of the windows of a forecast
  std::uint64_t seed = 1;
};

/// Keys as the fields are called, but: `momentum` of the optimiser, `smoothing` and `huber_delta` of the loss
/// stand here; `loss` is its kind; `class_weights: balanced`.
void bind_options(config::Binder& binder, TrainOptions& options);

/// A small model written down as a list of layers:
///
///     model: words
///     input: {rows: 8000, channels: 1}
///     layers:
///       - log_mel: {rate: 8000, frame: 256, hop: 128, bands: 24}
///       - conv: {channels: 32, kernel: 5, padding: 2}
///       - relu
///       - flatten
///       - linear: {units: 96, name: features}
///       - linear: {units: labels}
///     cut: features
///     labels: [yes, no]                 or outputs: 2; else those of the data it is trained on
///     weights: words.safetensors        where training begins; else random numbers
///     train: {epochs: 30}
///
/// Numbers instead of classes, in the units of the data:
///
///     task: regression                  or forecast, of the rows behind the window
///     targets: [torque, power]          columns to be told; or outputs: 2. A forecast's: else all its inputs
///     horizon: 24                       rows of the forecast
///     input: {rows: 96, columns: [load, wind]}   of a table, which are read; else all
///     layers: [normalise, …, linear: {units: outputs}]
struct ModelSpec {
  std::string name;
  std::int64_t rows = 0;
  std::int64_t channels = 1;
  config::Node layers;
  std::string cut;  ///< the layer whose output is the latent; empty: the input of the last linear layer
  std::vector<std::string> labels;  ///< empty: not named
  std::int64_t outputs = 0;         ///< as many as labels where these are named; 0: as the data says
  TaskKind task = TaskKind::classification;
  std::vector<std::string> columns;  ///< of a table that are the input; empty: not named
  std::vector<std::string> targets;  ///< empty: not named
  std::int64_t horizon = 0;          ///< of a forecast
  std::filesystem::path weights;     ///< empty: random
  TrainOptions train;
};

/// Throws Failure(configuration) with file:line:column.
ModelSpec read_model_spec(const std::filesystem::path& path);
ModelSpec read_model_spec(const config::Node& root);

/// A specified model before it is trained.
struct BuiltModel {
  engine::Graph graph;        ///< input → logits
  engine::ValueId front_end;  ///< where the fixed first layers (log_mel, normalise …) end and training begins
  engine::ValueId normalised;  ///< what the normalise layer reads, or kAbsent
  engine::ValueId mean;        ///< its constants, to be measured on the training data
  engine::ValueId deviation;
  engine::ValueId cut;
};

/// Builds the graph for `labels` classes, or as many numbers; weights are drawn as each kind of layer does,
/// or read from spec.weights. They are called after layer and place among its kind: conv0.weight,
/// linear1.bias. Its input is [N, rows] for one channel, else [N, channels, rows]. Throws
/// Failure(configuration) at the layer that is wrong, or naming the weights that are of another model.
BuiltModel build_model(const ModelSpec& spec, std::size_t labels, Random& random);

/// What training changes of it, by name.
std::map<std::string, engine::Tensor> weights_of(const BuiltModel& model);

/// The model of spec.outputs as it stands, its labels and cut as metadata. Throws as build_model() does, and
/// when the spec does not say how many outputs there are.
engine::Graph untrained_model(const ModelSpec& spec);

/// The same model for a stream, with the weights that `trained` has under the spec's names: its input is one
/// sample, [N, 1] or [N, channels, 1], and behind it come the states of its layers (all zeros is the start,
/// the shapes are the inputs'); its outputs are the logits and the states after the sample, in the same
/// order. After each sample the logits are those of the whole sequence up to there. Throws
/// Failure(configuration) at a layer that looks at several samples, Failure(invalid) for another model.
engine::Graph stream_model(const ModelSpec& spec, const engine::Graph& trained);

/// What a graph says about itself: labels (none: empty), cut, and where its fixed front end is over.
std::vector<std::pair<std::string, std::string>> model_metadata(const engine::Graph& graph,
                                                                const std::vector<std::string>& labels,
                                                                engine::ValueId cut,
                                                                engine::ValueId front_end);

}  // namespace dormouse::learning
