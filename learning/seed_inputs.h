#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "engine/session.h"
#include "learning/packing.h"
#include "learning/seed.h"

namespace dormouse::learning {

/// Labelled raw inputs in a byte a value, each with its own range.
class PackedInputs {
 public:
  /// `one`: the shape of an input with a batch of one; static.
  explicit PackedInputs(Shape one = {});
  /// As its accessors gave it. Throws Failure(invalid) when bytes and classes do not fit the shape.
  PackedInputs(Shape one, std::vector<std::byte> bytes, std::vector<ClassIndex> classes);

  /// The elements of one input, all finite.
  void add(std::span<const float> values, ClassIndex label);

  const Shape& shape() const { return shape_; }
  std::size_t size() const { return classes_.size(); }
  const std::vector<ClassIndex>& classes() const { return classes_; }
  std::span<const std::byte> bytes() const { return bytes_; }
  /// A row an input: f32 [N, elements].
  LabelledLatents rows() const;

 private:
  std::size_t elements() const;

  Shape shape_;
  std::vector<std::byte> bytes_;
  std::vector<ClassIndex> classes_;
};

/// Inputs that a model was shipped with, beside its seed and in the same file: what it takes to make the
/// seed's latents anew when the trunk moves. Disjoint as the seed's latents are.
struct SeedInputs {
  PackedInputs replay;
  PackedInputs heldout;
};

/// Writes both into one file. Throws as write_seed does.
void write_seed(const std::filesystem::path& path, const Seed& seed, const SeedInputs& inputs);
/// Nothing when the file keeps none. Throws Failure(corrupt) naming file and tensor.
std::optional<SeedInputs> read_seed_inputs(const std::filesystem::path& path, std::size_t classes);

/// The seed as another trunk sees it: latents of the kept inputs; each stands for as many examples in the
/// statistics as there were of its class for every input that was kept. Fisher information it has none.
/// `trunk`: input → latent [N, D]. Throws Failure(invalid) when a class has no input.
Seed reembedded(const Seed& shipped, const SeedInputs& inputs, const engine::Session& trunk);

/// Latents of inputs given as rows: f32 [N, D], a few at a time.
Tensor latents_of(const engine::Session& trunk, const Tensor& rows, const Shape& one);

}  // namespace dormouse::learning
