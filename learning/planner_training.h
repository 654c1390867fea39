#pragma once

#include "learning/planner_spec.h"
#include "learning/train.h"

namespace dormouse::learning {

/// What `dormouse train` makes of a planner's spec.
struct TrainedPlanner {
  engine::Graph step;           ///< with the metadata of planner_keys.h
  double heldout_accuracy = 0;  ///< share of held-out puzzles all cells of which are right after spec.steps
  std::vector<EpochRecord> epochs;
};

/// Deep supervision: each batch is updated on `segments` times, from the state that the update before ended
/// in, cut off from its past, with a loss on the answer after every cycle. So the network learns to get on
/// from wherever it is, and not to spoil what is right already (progressive training, 2202.05826).
/// Deterministic and resumed as train_model() is.
TrainedPlanner train_planner(const PlannerSpec& spec, const PuzzleSource& data,
                             std::span<const engine::Driver* const> drivers, const TrainReport& report,
                             const TrainRun& run = {});

/// Puzzles as they go in and as they should come out.
struct PuzzleBatch {
  Tensor inputs;   ///< f32 [N, …]
  Tensor answers;  ///< f32 [N, …cells], the class of each
};
PuzzleBatch stack(const std::vector<Puzzle>& puzzles, const engine::Graph& step);

}  // namespace dormouse::learning
