#pragma once

#include <span>
#include <vector>

#include "learning/latents.h"

namespace dormouse::learning {

/// Several heads that answer as one, by a logarithmic opinion pool:
///
///     log p(c | x) = Σₖ wₖ · scoreₖ(c | x) − log Z(x),   wₖ ≥ 0
///
/// (Genest and Zidek 1986). With one head w is 1 / temperature.
struct Committee {
  std::vector<double> weights;  ///< by head

  /// Σₖ wₖ · scoresₖ, f32 [N, C]: logits at temperature 1. Each of `scores` is [N, C], a head each.
  Tensor combine(std::span<const Tensor> scores) const;
};

/// How a committee is seated before anything is proved.
struct Seating {
  std::vector<double> shares = {};  ///< by head, in any unit; empty: equal
  double prior = 20;                ///< held-out examples that it takes to overrule them
};

/// The weights with the least cross-entropy on held-out examples, every class weighing alike.
///
/// Starts from every head at its own best temperature with its share, and is held there by a quadratic
/// penalty worth `prior` examples, so that few examples change little and a head that proves useless on many
/// is dropped. Labels are smoothed as in fit_temperature(). Newton's method with the active constraints left
/// out; convex, deterministic. Without held-out examples: the shares of scores as they are.
Committee seat_committee(std::span<const Tensor> scores, std::span<const ClassIndex> truth,
                         const Seating& seating = {});

}  // namespace dormouse::learning
