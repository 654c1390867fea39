#pragma once

#include <functional>

#include "engine/driver.h"
#include "learning/dataset.h"
#include "learning/model_spec.h"
#include "learning/seed_inputs.h"

namespace dormouse::learning {

/// What `dormouse train` makes: a graph input → logits with its labels and cut as metadata, and its seed
/// memory.
struct TrainedModel {
  engine::Graph graph;
  Seed seed;
  SeedInputs inputs;            ///< as many of every class as was asked for
  double heldout_accuracy = 0;  ///< on clips that training never saw
};

/// One line of progress.
struct TrainProgress {
  std::int64_t epoch = 0;
  std::int64_t epochs = 0;
  float loss = 0;
};

/// Trains a specified model from random weights on a folder of clips. The fixed front end runs once per epoch
/// on freshly augmented clips; everything after it is trained by momentum SGD on label-smoothed
/// cross-entropy. Deterministic under spec.train.seed for the same drivers and machine type.
TrainedModel train_model(const ModelSpec& spec, const Dataset& data,
                         std::span<const engine::Driver* const> drivers,
                         const std::function<void(const TrainProgress&)>& report,
                         std::size_t inputs_per_class = 0);

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
