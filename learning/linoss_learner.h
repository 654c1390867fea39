#pragma once

#include <memory>
#include <span>

#include "engine/driver.h"
#include "learning/linoss_online.h"
#include "learning/optimiser.h"

namespace dormouse::learning {

/// A LinOSS network that learns from an endless stream: it answers a sample, is told what the answer should
/// have been, and moves its weights by the gradient of their mean squared difference
/// (learning/linoss_online.h). Memory and work for a sample stay what they are, however long the stream.
///
/// While weights move, traces are those of slightly older ones, as in every online method. One sample is one
/// run of one graph. Deterministic. Not thread-safe.
class LinossLearner {
 public:
  struct Options {
    OptimiserOptions optimiser = {.rule = UpdateRule::adam, .clip_norm = 1};
    double rate = 1e-3;
    std::span<const engine::Driver* const> drivers = {};  ///< borrowed for the learner's life
  };
  /// `weights` are f32. Of the readout only `bounded` counts: every sample is answered for itself.
  LinossLearner(const LinossOptions& network, const LinossWeights& weights, const Options& options);
  ~LinossLearner();
  LinossLearner(LinossLearner&&) noexcept;
  LinossLearner& operator=(LinossLearner&&) noexcept;

  struct Step {
    engine::Tensor answer;  ///< f32 [outputs], before learning
    float loss;
  };
  /// `sample` f32 [inputs], `target` f32 [outputs]. Throws Failure(internal) when the loss is not finite;
  /// nothing is learnt from such a sample, and the state stays what it was.
  Step step(std::span<const float> sample, std::span<const float> target);

  LinossWeights weights() const;

  /// All there is to it: weights, states, traces, what the optimiser keeps and "updates", by name.
  using Progress = std::map<std::string, engine::Tensor>;
  Progress progress() const;
  /// Goes on from there, bit for bit. Throws Failure(corrupt) when it is not of the same network and
  /// optimiser.
  void restore(const Progress& progress);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dormouse::learning
