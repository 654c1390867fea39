#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/session.h"
#include "learning/latents.h"
#include "learning/step.h"
#include "learning/strategy.h"

namespace dormouse::learning {

/// What memory brings to a step.
struct Replay {
  LabelledLatents labelled = {};  ///< trained by their labels …
  Tensor targets = {};            ///< … or, when it has as many rows, by these: f32 [N, C], rows sum to 1
  LabelledLatents dark = {};      ///< der++: held to the logits that were kept with them
  Tensor dark_logits = {};        ///< f32 [N, C]; fewer columns: the later ones are free
};

/// One step of any strategy that follows gradients, awake or asleep.
///
/// How much a row weighs:
///   all alike, 1 / (fresh + replayed) each          finetune, ewc, si, lwf, replay, replay+ewc, joint, gdumb
///   fresh a mean, replayed a mean, added            ace: in the fresh rows' loss the classes that were met
///                                                   before and are not in the batch are masked
///   fresh a mean + β · replayed + α · mean square   der++
/// Without fresh rows the replayed ones are a mean. lwf adds the distilled answers of the model before, over
/// the classes it had met, as a mean over fresh rows. Not thread-safe.
class StrategyTrainer {
 public:
  struct Setup {
    Strategy strategy = Strategy::replay;
    Knobs knobs = {};
    std::optional<Ewc> hold = {};              ///< ewc, si: nothing to hold yet without
    std::optional<engine::Graph> before = {};  ///< lwf: the model whose answers are kept
    std::vector<bool> met = {};                ///< classes met before; those it does not list were not
    std::span<const engine::Driver* const> drivers = {};  ///< borrowed
    bool gradient = false;                                ///< each step brings some of it from elsewhere
  };
  /// `part`: as Trainer takes it.
  StrategyTrainer(const engine::Graph& part, Setup setup);

  /// Returns the loss before the update. Either may be empty, not both. `gradient`: with Setup::gradient, for
  /// every parameter, added to that of the loss.
  float step(const LabelledLatents& fresh, const Replay& replay, float rate, Parameters gradient = {});

  /// What the model answered to the fresh rows of the last step, before it: f32 [fresh, C].
  Tensor fresh_logits() const { return trainer_.logits().rows(0, fresh_); }
  Parameters parameters() const { return trainer_.parameters(); }
  Parameters path() const { return trainer_.path(); }
  engine::Graph graph() const { return trainer_.graph(); }
  const std::vector<bool>& met() const { return met_; }
  std::map<std::string, double> seconds() const { return trainer_.seconds(); }
  Trainer::Progress progress() const { return trainer_.progress(); }
  /// Goes on from there, as a trainer of the same part and setup gave both. Throws Failure(corrupt)
  /// otherwise.
  void restore(const Trainer::Progress& progress, std::vector<bool> met);

 private:
  void weigh(StepRows& rows, std::size_t fresh, const Replay& replay) const;
  Tensor mask(std::span<const ClassIndex> fresh, std::int64_t rows) const;
  void distil(StepRows& rows, const LabelledLatents& fresh) const;
  void hold_logits(StepRows& rows, const Replay& replay) const;

  Recipe recipe_;
  Knobs knobs_;
  std::size_t classes_;
  std::vector<bool> met_;         ///< in any step
  std::vector<bool> met_before_;  ///< when it was made
  std::optional<engine::Session> before_;
  Trainer trainer_;
  std::int64_t fresh_ = 0;
};

}  // namespace dormouse::learning
