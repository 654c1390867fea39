#pragma once

#include "engine/session.h"
#include "learning/fisher.h"
#include "learning/kernel_night.h"
#include "learning/night.h"
#include "learning/private_gradient.h"
#include "learning/rehearsal.h"
#include "learning/sleep.h"
#include "learning/strategy_trainer.h"

/// The inside of SleepCycle, for the two files that make it: sleep.cpp works, sleep_state.cpp keeps and takes
/// up.
namespace dormouse::learning {

/// One stage of the night is one method that does a piece and says whether there is more of it.
struct SleepCycle::Night {
  SleepInputs in;
  SleepOptions options;
  SleepHooks hooks;
  std::span<const engine::Driver* const> drivers;
  const Clock* clock;
  Stage stage = Stage::select;
  NightPlan plan;
  Random random;
  std::optional<BalancedSampler> sampler, fresh_sampler;
  std::optional<StrategyTrainer> trainer, control;
  std::optional<PrivateGradient> secret;
  std::optional<engine::Graph> candidate;  ///< standardised
  std::optional<Tensor> seen;              ///< heldout_latents(), once they were asked for
  std::optional<KernelNight> kernel;
  std::optional<Tensor>
      network_after;  ///< the candidate's logits on the held-out examples, by the network alone
  std::optional<engine::Session> waking;
  std::map<std::string, double> earlier_seconds;  ///< by driver, before it was taken up
  std::optional<FisherEstimator> fisher;
  std::size_t step = 0, fisher_samples = 0;
  double loss_sum = 0;
  std::size_t loss_count = 0;
  SleepResult result;

  Night(SleepInputs inputs, SleepOptions chosen, SleepHooks others,
        std::span<const engine::Driver* const> on);

  bool select();
  bool rehearse();
  bool fit();
  bool dream_check();
  bool consolidate();
  bool tidy() { return hooks.tidy && hooks.tidy(); }
  bool commit();

  bool piece();
  struct Batch {
    LabelledLatents fresh;
    Replay replay;
  };
  void make_trainers();
  void begin_privately();
  void train_one_step();
  float step_privately(const Replay& replay, float rate);
  Batch draw();
  Replay dark(Replay replay, std::size_t count);
  void take_candidate();
  Tensor targets_for(const LabelledLatents& batch, std::span<const std::size_t> rows);
  void note_loss(float loss);
  const Tensor& heldout_latents();  ///< as the waking trunk sees what is held out
  std::vector<ClassIndex> answers_awake(const std::vector<ClassIndex>& slow, const Tensor& network_logits);
  Tensor judged(const Tensor& network_logits, const Tensor& latents) const;
  void calibrate(const Tensor& logits);
  double right_without_ewc() const;
  std::map<std::string, double> driver_seconds() const;
  void note_drivers();
  bool estimate_importance();
  void note_importance();  ///< once there are samples enough
  void restore_rehearsal(const engine::NamedTensors& state);
  void restore_trainers(const engine::NamedTensors& state);
  void restore_importance(const engine::NamedTensors& state, std::size_t samples);
  void end_rehearsal(std::string note) {
    if (std::exchange(result.report.stopped, true)) return;
    result.report.notes.push_back(std::move(note));
  }
  void reject(std::string reason) {
    result.report.verdict.accepted = false;
    result.report.verdict.reason = std::move(reason);
  }
};

}  // namespace dormouse::learning
