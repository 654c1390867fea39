#pragma once

#include <span>

#include "learning/random.h"
#include "learning/seed.h"

namespace dormouse::learning {

/// How the label of a per-sample gradient is chosen. Both expect over the model's own distribution; gradients
/// are never averaged over a batch before squaring, which would estimate something else.
enum class FisherLabels {
  exact,   ///< every class, weighted by its probability
  sampled  ///< one draw
};

/// The diagonal of the Fisher information of `part` (latent → logits) at its weights: mean over `rows` of
/// E_y[(∂ log p(y|x) / ∂θ)²]. Parameters as named in the graph.
Parameters fisher_diagonal(const engine::Graph& part, const Tensor& latents,
                           std::span<const std::size_t> rows, FisherLabels labels, Random& random);

/// Online EWC: decay·old + fresh. Where a head has grown, `old` counts as zero in the new rows.
Parameters accumulate_fisher(const Parameters& old, const Parameters& fresh, float decay);

}  // namespace dormouse::learning
