#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "learning/exemplars.h"
#include "learning/fast_head.h"
#include "learning/random.h"
#include "learning/ridge.h"
#include "learning/slda.h"
#include "learning/strategy.h"
#include "learning/strategy_trainer.h"

namespace dormouse::learning {

struct ContinualOptions {
  Strategy strategy = Strategy::ace;
  Knobs knobs = {};
  float rate = 0.03f;             ///< of learn()
  std::size_t replay_batch = 32;  ///< exemplars that go with a fresh batch, in each role they have
  bool balanced_draws = false;    ///< replay every class alike instead of every exemplar
  std::optional<ExemplarOptions> memory = {};  ///< needed by strategies that rehearse
  std::size_t fisher_samples = 500;            ///< of the task that ended
  /// Training from the first weights, where the strategy starts over: half a cosine between the rates.
  std::size_t retrain_steps = 400;
  std::size_t retrain_batch = 10;
  float retrain_rate = 0.05f;
  float retrain_last_rate = 0.0005f;
  RidgeHead::Options ridge = {};
  SldaHead::Options slda = {};
  std::uint64_t seed = 1;
  std::span<const engine::Driver* const> drivers = {};  ///< borrowed
};

/// A model that learns from a stream of labelled batches, task after task, by one strategy and one memory.
///
/// learn() is what a device does awake: one step on fresh examples and what memory replays, then the
/// examples are offered to memory. end_task() is what consolidation does: importances and anchors are
/// updated, the waking model becomes the one that is distilled, strategies that start over train. rehearse()
/// is a sleep on memory alone. No call needs to know which classes a task has. Not thread-safe.
class ContinualLearner {
 public:
  /// `part`: input → logits over every class there will be, weights as constants (the first weights).
  /// Throws Failure(invalid) when the strategy rehearses and there is no memory.
  ContinualLearner(engine::Graph part, ContinualOptions options);
  ~ContinualLearner();
  ContinualLearner(ContinualLearner&&) noexcept;

  /// Once for each batch; returns the loss (0 where the strategy takes no step now).
  float learn(const LabelledLatents& batch);
  /// `recent`: examples of the task that ended, for the Fisher information; empty: those in memory serve.
  void end_task(const LabelledLatents& recent = {});
  /// Steps on class-balanced batches from memory; returns the mean loss. Without exemplars nothing happens.
  float rehearse(std::size_t steps, std::size_t batch, float rate);

  Tensor logits(const Tensor& inputs) const;
  /// The part with its weights now; an analytic strategy has none of its own (the part as it was given).
  engine::Graph graph() const;
  /// Null when the strategy keeps none.
  const ExemplarMemory* memory() const { return memory_ ? &*memory_ : nullptr; }
  /// Kept from one batch to the next, weights left out: exemplars, logits, Fisher information, path,
  /// anchors, distilled model, statistics.
  std::size_t bytes() const;
  /// The strength of the hold that the next step uses; 0: nothing is held.
  float lambda() const;

 private:
  Replay draw();
  void remember(const LabelledLatents& batch, const Tensor& logits);
  void make_trainer(const engine::Graph& from);
  void update_importance(const LabelledLatents& recent);
  void start_over();
  std::optional<Ewc> hold() const;

  ContinualOptions options_;
  Recipe recipe_;
  engine::Graph first_;
  std::size_t classes_;
  std::optional<ExemplarMemory> memory_;
  Random random_;
  Parameters anchor_, importance_;
  std::optional<engine::Graph> before_;
  std::unique_ptr<StrategyTrainer> trainer_;
  std::unique_ptr<engine::Session> answers_;  ///< inputs: input, then the parameters in order of name
  std::unique_ptr<FastHead> analytic_;
};

}  // namespace dormouse::learning
