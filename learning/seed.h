#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/graph.h"
#include "engine/published.h"
#include "learning/latents.h"
#include "learning/statistics.h"

namespace dormouse::learning {

/// Tensors by name: parameters of a trainable part, their Fisher diagonal.
using Parameters = std::map<std::string, Tensor>;

/// What a shipped model remembers of the classes it knows, so that a device can learn on its first day.
///
/// A safetensors file: `replay.codes` i8 [N, D], `replay.scales` f32 [N], `replay.classes` i32 [N]; the same
/// under `heldout.`; `statistics.count` f64 [C], `statistics.sum` f64 [C, D], `statistics.moment` f32 [C,
/// D(D+1)/2] (lower triangles); `fisher.<parameter>` f32; `input.mean` and `input.deviation` f32 [channels].
/// Raw inputs may stand beside them, see seed_inputs.h. Metadata: `format` "dormouse-seed-1", `labels` (a
/// JSON list), `temperature`.
struct Seed {
  std::vector<std::string> labels;
  LabelledLatents replay;    ///< to rehearse
  LabelledLatents heldout;   ///< disjoint: guard, arbiter and calibration only
  Statistics statistics;     ///< of everything but `heldout`, by class
  Parameters fisher;         ///< of the standardised trainable part, see standardise.h
  float temperature = 1.0f;  ///< of the slow head
  engine::InputNormaliser normaliser;

  std::size_t latent_size() const { return replay.width(); }
};

struct SeedOptions {
  std::size_t replay_per_class = 200;
  double heldout_fraction = 0.15;
  std::size_t heldout_per_class = 60;  ///< at most
  std::size_t fisher_samples = 256;
  std::uint64_t seed = 1;
};

/// Which rows to hold out, class by class at random, at least one of a class that has two. The split belongs
/// before the model is trained: what it was trained on proves nothing to the guard. Deterministic under
/// options.seed.
std::vector<bool> heldout_rows(std::span<const ClassIndex> classes, const SeedOptions& options);

/// Makes a seed of the latents of training and held-out data, and of the trainable part latent → logits with
/// its weights as constants. Deterministic under options.seed. Throws Failure(invalid) when a class has no
/// example in either, or the latents do not fit the part.
Seed make_seed(const engine::Graph& trainable, std::vector<std::string> labels, const LabelledLatents& train,
               const LabelledLatents& heldout, const engine::InputNormaliser& normaliser,
               const SeedOptions& options);

/// Throws Failure(io) or what the safetensors writer throws.
void write_seed(const std::filesystem::path& path, const Seed& seed);

/// The seed that lies beside a model, MODEL.seed.safetensors, or beside what that was made of: for
/// words.int8.onnx words.seed.safetensors. Empty where there is none.
std::filesystem::path seed_beside(const std::filesystem::path& model);

/// Throws Failure(corrupt) naming file, tensor, what was expected and what was found.
Seed read_seed(const std::filesystem::path& path);

}  // namespace dormouse::learning
