#pragma once

#include <optional>

#include "engine/session.h"
#include "learning/clip_inputs.h"
#include "learning/fit_run.h"
#include "learning/targets.h"
#include "learning/teacher.h"

namespace dormouse::learning {

/// Labelled clips as batches for a Fit: shuffled anew every epoch, augmented, and put through the fixed front
/// end of a model. Each batch is a function of the seed, the epoch and its index alone.
class TrainingData {
 public:
  /// Borrowed for its life.
  struct Parts {
    const engine::Graph& graph;
    engine::ValueId front_end;
    const Dataset& data;
    const ClipInputs& inputs;
    const Split& split;
    const TrainOptions& options;
    const Teacher* teacher = nullptr;
    const NumberModel* numbers = nullptr;  ///< in whose deviations the data's targets are learnt
  };
  TrainingData(Parts parts, std::span<const engine::Driver* const> drivers);

  /// Calls back into this object.
  FitData fit_data() const;

 private:
  Tensor features(const Tensor& inputs) const;
  Batch batch(const Rows& order, std::size_t epoch, std::size_t index) const;
  Batch labelled(std::span<const Tensor> clips, std::span<const std::size_t> rows) const;
  Tensor targets_of(std::span<const std::size_t> rows, Tensor& weights) const;
  EpochRecord validate(const Fit& fit) const;

  Parts parts_;
  std::vector<float> class_weights_;
  std::optional<engine::Session> front_;  ///< none: the model learns from its very input
};

}  // namespace dormouse::learning
