#pragma once

#include <memory>
#include <span>

#include "engine/graph.h"
#include "learning/random.h"
#include "learning/seed.h"

namespace dormouse::learning {

/// How the label of a per-sample gradient is chosen. Both expect over the model's own distribution.
enum class FisherLabels {
  exact,   ///< every class, weighted by its probability
  sampled  ///< one draw
};

/// The diagonal of the Fisher information of `part` (latent → logits) at its weights, a sample at a time: the
/// mean of E_y[(∂ log p(y|x) / ∂θ)²]. Gradients are never averaged over a batch before squaring, which would
/// estimate something else. Not thread-safe.
class FisherEstimator {
 public:
  explicit FisherEstimator(const engine::Graph& part);
  ~FisherEstimator();
  FisherEstimator(FisherEstimator&&) noexcept;

  void add(std::span<const float> latent, FisherLabels labels, Random& random);
  /// By parameter name; zeros before the first sample.
  Parameters mean() const;

  /// What was added up so far, f64 by parameter name: an estimator of the same part goes on from there.
  /// Throws Failure(corrupt) when it does not fit.
  Parameters sums() const;
  void restore(const Parameters& sums, std::size_t samples);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Online EWC: decay·old + fresh. Where a head has grown, `old` counts as zero in the new rows; parameters
/// that changed shape in another way start anew.
Parameters accumulate_fisher(const Parameters& old, const Parameters& fresh, float decay);

/// Synaptic intelligence (Zenke 2017): old + max(path / ((to − from)² + damping), 0), by parameter name.
/// `path` as Trainer adds it up on the way from `from` to `to`.
Parameters path_importance(const Parameters& old, const Parameters& path, const Parameters& from,
                           const Parameters& to, float damping);

}  // namespace dormouse::learning
