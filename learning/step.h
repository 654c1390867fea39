#pragma once

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

/// Trains the parameters of latent → logits by momentum SGD on weighted soft-target cross-entropy.
///
/// The whole step is one graph, run by an engine::Session: forward, loss, reverse-mode gradients, SgdMomentum
/// for each parameter, and under EWC the implicit pull θ ← (θ + k·θ*) / (1 + k) with k = 2·lr·λ·F, which is
/// stable for any λ. Deterministic. Not thread-safe.
class Trainer {
 public:
  struct Options {
    float momentum = 0.9f;
    std::span<const engine::Driver* const> drivers = {};  ///< borrowed for the trainer's life
  };
  /// `part`: latent → logits, [N, D] → [N, C], its weights as constants. Throws Failure(unsupported) when an
  /// operator has no gradient.
  Trainer(const engine::Graph& part, const Ewc* ewc, Options options);
  ~Trainer();
  Trainer(Trainer&&) noexcept;

  /// One update on latents [N, D] and targets [N, C] (rows sum to 1) with a weight per row (empty: all 1);
  /// returns the weighted mean loss before the update.
  float step(const Tensor& latents, const Tensor& targets, std::span<const float> weights, float rate);

  Parameters parameters() const;
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
