#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "daemon/oip/codec.h"
#include "daemon/service/class_labels.h"
#include "daemon/service/options.h"
#include "drivers/table.h"
#include "engine/driver.h"
#include "engine/window.h"
#include "hrm/planner.h"
#include "learning/seed_inputs.h"
#include "learning/versions.h"

namespace dormouse::daemon {

/// What learning needs of a classifier.
struct Learnable {
  engine::ValueId cut = engine::kAbsent;  ///< in ModelParts::graph
  engine::Graph trainable;                ///< latent → logits, as shipped
  std::vector<std::string> labels;        ///< as shipped
  std::optional<learning::Seed> seed;
  std::optional<learning::SeedInputs> seed_inputs;  ///< where the seed keeps some
  std::size_t latent_size = 0;
};

/// A step that is looped until something says stop: see hrm::Planner.
struct Thinker {
  hrm::Planner planner;
  /// Of its classes, where it answers with one of them, logits [1, classes]; empty: an answer of cells.
  std::vector<std::string> labels;
  std::int64_t steps = 0;  ///< that a thought takes at most; 0: as many as it has cells
};

/// A model as its files say, before anything was learnt. Immutable, shared by all that serves it.
struct ModelParts {
  ModelOptions options;
  // Of one that learns, or a planner's step; else empty, as files may be large.

  /// Digest of its files, and of where it is left and cut: latents and weights of another say nothing here.
  std::string file;
  /// Digest of its files, its seed, and the options that say what it answers. Another may answer otherwise.
  std::string identity;
  engine::Graph graph;  ///< with the adapters that the options ask for
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
  std::vector<const engine::Driver*> drivers;
  std::optional<Learnable> learnable;         ///< nothing: no labels, or `answers`, so it only infers
  std::optional<engine::WindowShape> window;  ///< when clips and streams fit its input
  engine::InputNormaliser normaliser;         ///< for clips and streams; may be empty
  std::shared_ptr<const Thinker> thinker;     ///< of a planner's step, which does not learn here; else null
  ClassLabels answers;  ///< what its first output says, i64 [rows]; empty: something else
};

/// Reads model and seed and checks them against each other and the options. `drivers`: all there are, of
/// which those are taken that the options choose, or else `otherwise`. Throws Failure naming the file and
/// what does not fit.
std::shared_ptr<const ModelParts> load_model(const ModelOptions& options, const drivers::DriverTable& drivers,
                                             drivers::Choice otherwise = drivers::Choice::automatic);

/// A session on the whole graph with this version's weights (none: as shipped); outputs are the model's own,
/// then the latent if it learns. Ready: it has run once.
std::shared_ptr<const engine::Session> open_session(const ModelParts& parts,
                                                    const learning::Version* version);

/// A clip f32 [time, channels] as this model's input: normalised, cut or padded; rows as wide as a flat input
/// are a batch, see engine::recording_input. Throws Failure(invalid).
engine::Tensor clip_input(const ModelParts& parts, const engine::Tensor& clip);
/// The model's inputs, out of those a request names. `clip`: the one input is a recording. Throws
/// Failure(invalid).
std::vector<engine::Tensor> inputs_of(const ModelParts& parts, const InferRequest& request, bool clip);

/// This version's kernel head, if it has one. Throws Failure(corrupt) when it does not fit the model.
std::optional<engine::KernelSeat> open_kernel(const ModelParts& parts, const learning::Version* version);

/// The trainable part with this version's weights.
engine::Graph trainable_of(const ModelParts& parts, const learning::Version* version);

}  // namespace dormouse::daemon
