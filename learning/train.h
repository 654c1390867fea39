#pragma once

#include <optional>

#include "engine/driver.h"
#include "learning/dataset.h"
#include "learning/metrics.h"
#include "learning/model_spec.h"
#include "learning/number_errors.h"
#include "learning/seed_inputs.h"
#include "learning/targets.h"
#include "learning/teacher.h"
#include "learning/train_run.h"
#include "learning/trainable.h"

namespace dormouse::learning {

/// What `dormouse train` makes: a graph input → logits with its labels and cut as metadata, and its seed
/// memory. Or a graph input → numbers in their own units, their names and scale as metadata
/// (learning/targets.h), which takes its input as it is; there is no seed then.
struct TrainedModel {
  engine::Graph graph;
  Seed seed;
  SeedInputs inputs;              ///< as many of every class as was asked for
  double heldout_accuracy = 0;    ///< on clips that training never saw
  std::optional<Confusion> test;  ///< of the test clips, where a share was kept for that
  std::vector<EpochRecord> epochs;
  std::optional<NumberModel> numbers;                       ///< what it answers, where these are no classes
  std::optional<NumberErrors> heldout_errors, test_errors;  ///< of numbers
};

/// Trains a specified model from random weights on labelled clips, or clips with numbers (data.targets). The
/// fixed front end runs once per epoch on freshly augmented clips; everything after it is fitted as
/// spec.train says. Deterministic under spec.train.seed for the same drivers, threads and machine type,
/// interrupted or not; `report` is told of every epoch. Throws as run_fit() does.
TrainedModel train_model(const ModelSpec& spec, const Dataset& data,
                         std::span<const engine::Driver* const> drivers, const TrainReport& report,
                         const TrainRun& run = {});

/// Fits `trainable` of a model that exists (an ONNX file) to labelled clips, normalised as it is used to. Its
/// metadata may name labels and cut; else the cut is the input of the last linear layer. A last linear layer
/// with another number of outputs than there are labels, or numbers to be told, is replaced by a fresh one.
/// Throws Failure(unsupported) for models that do not end in a linear layer, and as train_model() does.
TrainedModel fine_tune(engine::Graph graph, const Dataset& data, const Trainable& trainable,
                       const engine::InputNormaliser& normaliser, const TrainOptions& options,
                       std::span<const engine::Driver* const> drivers, const TrainReport& report,
                       const TrainRun& run = {});

/// The seed memory of any model (an ONNX file, say) from labelled clips. `cut` names the latent; the
/// statistics of the raw samples become the normaliser when `normalise` is set. Clips are inputs as
/// window_input() makes them.
Seed seed_model(const engine::Graph& graph, engine::ValueId cut, const Dataset& data, bool normalise,
                const SeedOptions& options, std::span<const engine::Driver* const> drivers);

/// Inputs to go with that seed: `per_class` of every class at random from what it calls training data, and as
/// many, or all, of what it holds out.
SeedInputs seed_inputs(const engine::Graph& graph, const Dataset& data,
                       const engine::InputNormaliser& normaliser, const SeedOptions& options,
                       std::size_t per_class);

}  // namespace dormouse::learning
