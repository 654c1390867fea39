#pragma once

#include "engine/window.h"
#include "learning/dataset.h"
#include "learning/model_spec.h"
#include "learning/random.h"
#include "learning/split.h"

namespace dormouse::learning {

/// Mean and deviation per channel over all samples of these clips.
engine::InputNormaliser measure_normaliser(const Dataset& data, const Rows& rows, std::int64_t channels);

/// Clips as inputs of a model, as they are or augmented. The data is borrowed. Thread-safe.
class ClipInputs {
 public:
  /// `input` is the shape of the model's; clips have `channels`, or as many samples in another arrangement.
  /// Throws Failure(invalid) when the model takes no windows.
  ClipInputs(const Dataset& data, const Shape& input, std::int64_t channels,
             engine::InputNormaliser normaliser);

  const engine::InputNormaliser& normaliser() const { return normaliser_; }
  std::int64_t channels() const { return window_.channels; }

  /// f32 [time, channels] each: as they are, or each later, louder or softer, and noisier by random amounts;
  /// it stays inside the window where it fitted.
  std::vector<Tensor> clips(std::span<const std::size_t> rows) const;
  std::vector<Tensor> augmented(std::span<const std::size_t> rows, const TrainOptions& options,
                                Random& random) const;
  /// The model's input.
  Tensor of(std::span<const Tensor> clips) const;
  Tensor batch(std::span<const std::size_t> rows) const { return of(clips(rows)); }

 private:
  Tensor augment(const Tensor& clip, const TrainOptions& options, Random& random) const;

  const Dataset& data_;
  Shape input_;
  engine::WindowShape window_;
  engine::InputNormaliser normaliser_;
};

/// The clip with this many channels: as it is, or its samples in another arrangement.
Tensor arranged(const Dataset& data, std::size_t row, std::int64_t channels);

}  // namespace dormouse::learning
