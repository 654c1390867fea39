#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "engine/session.h"
#include "learning/latents.h"
#include "learning/seed.h"

namespace dormouse::learning {

/// Elastic weight consolidation: where parameters are pulled to, and how firmly each is held.
struct Ewc {
  Parameters anchor;  ///< by parameter name
  Parameters fisher;  ///< same names and shapes; a missing one is not held
  float lambda = 0;
};

/// The rows of one step and what each is held to. A term whose tensors are used must be asked for in
/// Trainer::Options; the others are ignored.
struct StepRows {
  Tensor latents;              ///< f32 [N, D]
  Tensor targets;              ///< f32 [N, C], rows sum to 1
  std::vector<float> weights;  ///< [N], of a row's cross-entropy in the loss
  Tensor mask = {};  ///< f32 [N, C], added to the logits of the cross-entropy (kMasked: not compared)
  Tensor logit_targets = {};  ///< f32 [N, C]
  Tensor logit_weights = {};  ///< f32 [N, C], of a logit's squared error in the loss
  Tensor soft_targets = {};   ///< f32 [N, C], rows sum to 1: answers at the temperature of distillation
  Tensor soft_mask = {};      ///< f32 [N, C], added to the logits that are compared with them
  std::vector<float> soft_weights = {};  ///< [N], of a row's distillation in the loss
  Parameters gradient = {};              ///< for every parameter, added to the gradient of the loss
};

/// So low that softmax makes it exactly 0, and finite, so that nothing makes it NaN.
inline constexpr float kMasked = -1e9f;

/// Trains the parameters of latent → logits by momentum SGD on
///
///   Σ weights·CE(logits + mask, targets) + Σ logit_weights·(logits − logit_targets)²
///     + T²·Σ soft_weights·CE(logits / T + soft_mask, soft_targets).
///
/// The whole step is one graph, run by an engine::Session: forward, loss, reverse-mode gradients, the update
/// of each parameter, and under EWC the implicit pull θ ← (θ + k·θ*) / (1 + k) with k = 2·lr·λ·F, which is
/// stable for any λ. Deterministic. Not thread-safe.
class Trainer {
 public:
  struct Options {
    float momentum = 0.9f;
    std::span<const engine::Driver* const> drivers = {};  ///< borrowed for the trainer's life
    bool masked = false;
    bool logits = false;
    float distillation = 0;  ///< temperature of the soft targets; 0: none
    bool gradient = false;   ///< part of it comes from elsewhere (StepRows::gradient)
    /// Adds up each parameter's share in the fall of the loss, −Σ gradient·step (synaptic intelligence).
    bool path = false;
  };
  /// `part`: latent → logits, [N, D] → [N, C], its weights as constants. Throws Failure(unsupported) when an
  /// operator has no gradient.
  Trainer(const engine::Graph& part, const Ewc* ewc, Options options);
  ~Trainer();
  Trainer(Trainer&&) noexcept;
  Trainer& operator=(Trainer&&) noexcept;

  /// One update; returns the loss before it. Throws Failure(internal) when the loss is not finite.
  float step(const StepRows& rows, float rate);
  /// One update on the weighted mean of the cross-entropy alone (weights empty: all 1).
  float step(const Tensor& latents, const Tensor& targets, std::span<const float> weights, float rate);

  /// What the part answered in the last step, before the update: f32 [N, C].
  const Tensor& logits() const;
  Parameters parameters() const;
  /// What Options::path added up, by parameter name; empty without.
  Parameters path() const;
  /// Of all steps, by driver (see engine::Session::seconds()).
  std::map<std::string, double> seconds() const;
  /// How far it has come, by parameter name.
  struct Progress {
    Parameters parameters;
    Parameters velocities;  ///< empty without momentum
    Parameters path;        ///< empty without Options::path
  };
  Progress progress() const;
  /// Goes on from there, as a trainer of the same part and options gave it. Throws Failure(corrupt)
  /// otherwise.
  void restore(const Progress& progress);
  /// `part` with the parameters as they are now.
  engine::Graph graph() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One-hot rows [N, classes].
Tensor one_hot(std::span<const ClassIndex> classes, std::size_t width);

/// Parameters of a graph by name, sharing elements; and the graph with these put in their place (shapes may
/// have grown; Failure(invalid) names one that is not there).
Parameters parameters_by_name(const engine::Graph& part);
engine::Graph with_parameters(engine::Graph part, const Parameters& parameters);

}  // namespace dormouse::learning
