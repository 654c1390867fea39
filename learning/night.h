#pragma once

#include <optional>
#include <string>
#include <vector>

#include "learning/sleep.h"
#include "learning/standardise.h"
#include "learning/step.h"

namespace dormouse::learning {

/// What `select` decides: what is rehearsed, from where, towards what and how fast.
struct NightPlan {
  engine::Graph grown;               ///< the trainable part with a row for every label, own coordinates
  std::optional<Standardised> part;  ///< the same, standardised
  LabelledLatents rows;              ///< what is rehearsed, standardised
  std::vector<std::vector<std::size_t>> pools;  ///< `rows` by class; one that weighs more comes more often
  std::vector<std::vector<std::size_t>> fresh;  ///< those of `pools` that were taught, not in the seed
  std::size_t self_labelled = 0;                ///< of `rows`, the last ones
  std::size_t distilled = 0;                    ///< rows [0, distilled) keep something of the waking answer
  engine::Graph waking;                         ///< the part before it grew, standardised
  std::optional<Ewc> ewc;
  LabelledLatents secret;  ///< private nights: taught latents, standardised; the rest of the plan knows
                           ///< nothing of them but their number
  double secret_rate = 0;  ///< chance of each to be in a step's sample
  std::size_t steps = 0;
  float rate = 0;
  LabelledLatents heldout;  ///< of seed and episodes, own coordinates
};

/// Throws Failure(invalid) when inputs contradict each other (widths, labels, classes), or conflict when the
/// privacy budget is spent, or the strategy cannot be private.
NightPlan plan_night(const SleepInputs& inputs, const SleepOptions& options);

/// Throws Failure(conflict) when a private night cannot learn in this way: it sees taught latents through
/// PrivateGradient alone, beside what it rehearses.
void require_private(Strategy strategy);

/// The part with its last layer solved in closed form on all rows: slda or ridge.
engine::Graph solved(const NightPlan& plan, Strategy strategy,
                     std::span<const engine::Driver* const> drivers);

/// The logits of `part` for many latents, a few hundred at a time: f32 [N, C].
Tensor run_part(const engine::Graph& part, const Tensor& latents,
                std::span<const engine::Driver* const> drivers);

}  // namespace dormouse::learning
