#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "daemon/service/inference.h"
#include "daemon/service/learner.h"
#include "learning/dataset.h"
#include "learning/sleep.h"
#include "memory/ids.h"

namespace dormouse::bench {

/// Accuracy in percent, split by whether the shipped model knew the class.
struct Score {
  double known = 0;
  double taught = 0;
  double all = 0;
};

/// The same answers from their parts to the whole.
struct Scores {
  Score slow;    ///< the slow head in service
  Score heads;   ///< both heads under the arbiter
  Score served;  ///< as a request is answered: both heads, and memory where they are unsure
};

/// One device: a shipped model that is taught and sleeps, by the daemon's own learner and answers.
///
/// What it leaves out of the daemon is the socket and the threads. Deterministic.
class Lifetime {
 public:
  /// `state`: an empty folder. `drivers` are borrowed.
  Lifetime(const daemon::ModelOptions& model, const std::filesystem::path& state,
           std::span<const engine::Driver* const> drivers, const daemon::NightOptions& night = {});

  /// Mixes memory in as held-out examples taught, which is what the daemon does unless it is told how.
  void blend_as_learnt() { learnt_blend_ = true; }
  /// Feedback on each clip, once.
  void teach(const learning::Dataset& clips);
  /// A night; its version goes into service if the dream check accepts it.
  learning::SleepResult sleep();
  /// A night of a control, from the same weights and labels, that changes nothing.
  engine::Graph control(learning::Strategy strategy) const;

  Scores answers(const learning::Dataset& clips) const;
  /// This trainable part alone, on the model's latents.
  Score alone(const engine::Graph& trainable, const learning::Dataset& clips) const;

 private:
  daemon::InferenceResult infer(const engine::Tensor& clip) const;
  learning::SleepResult night(learning::Strategy strategy) const;
  bool is_taught(const std::string& label) const;

  std::shared_ptr<const daemon::ModelParts> parts_;
  SystemClock clock_;
  learning::Files files_;
  memory::Store store_;
  learning::VersionStore versions_;
  daemon::NightOptions night_;
  daemon::Learner learner_;
  memory::IdAllocator ids_;
  bool learnt_blend_ = false;
};

}  // namespace dormouse::bench
