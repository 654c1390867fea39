#pragma once

#include <filesystem>

#include "learning/model_spec.h"
#include "learning/puzzle.h"

namespace dormouse::learning {

/// A planner written down: a weight-tied step (x, z) → (z', logits, q) that is looped until its answer holds.
///
///     model: maze
///     planner: {puzzle: maze, width: 32, cycles: 1, unroll: 8, segments: 6, examples: 6400}
///     weights: maze.safetensors         where training begins, or a planner's ONNX file; else random numbers
///     train: {epochs: 30}
///
/// x is a row of PuzzleKind and z begins as zeros; logits are [N, classes, …cells], q [N, 1] is the logit of
/// the answer being right.
///
/// The core of a maze is a recurrent 3×3 convolution with recall (Schwarzschild et al. 2021, 2106.04537;
/// Bansal et al. 2022, 2202.05826): two convolutions of [z, x] a cycle, for a grid of any size. That of a
/// Sudoku is a mixer of two layers (Jolicoeur-Martineau 2025, 2510.04871): in a cycle its latent looks at
/// puzzle and answer `thoughts` times, then the answer at the latent.
struct PlannerSpec {
  std::string name;
  const PuzzleKind* puzzle = nullptr;
  std::int64_t width = 0;
  std::int64_t cycles = 1;       ///< of the core in a step
  std::int64_t thoughts = 4;     ///< of a mixer in a cycle
  std::int64_t unroll = 1;       ///< cycles through which an update looks back
  std::int64_t segments = 1;     ///< updates by one batch, each going on where the one before was
  std::int64_t examples = 6400;  ///< of an epoch
  std::int64_t steps = 0;        ///< that an answer takes at most while training is validated
  std::filesystem::path weights;
  TrainOptions train;
};

/// Whether the YAML file says `planner:`.
bool is_planner_spec(const std::filesystem::path& path);
/// Throws Failure(configuration) with file:line:column.
PlannerSpec read_planner_spec(const std::filesystem::path& path);

/// Writes a spec for that kind of puzzle and its initial weights beside it, as write_new_model() does.
engine::Graph write_new_planner(const PuzzleKind& puzzle, std::uint64_t seed,
                                const std::filesystem::path& path, bool overwrite);

/// One step, its weights those of the spec's file or drawn from its seed. Metadata says what puzzle it is of.
engine::Graph planner_step(const PlannerSpec& spec);

/// What a Fit trains by whole batches: (x, z, answers) → (rows, z'), for `unroll` cycles on x of this shape.
/// The rows are the logits of every cell after each cycle, cycle by cycle, then, for each cycle and example,
/// such that class 0 is the sigmoid of q where the answer of then is right, else of -q. Its parameters are
/// called as those of planner_step(). A maze's state does not learn from q, a Sudoku's does.
engine::Graph planner_training_graph(const PlannerSpec& spec, const engine::Shape& input);

/// z to begin with, for N rows of x.
engine::Tensor planner_start(const engine::Graph& step, const engine::Tensor& x);

}  // namespace dormouse::learning
