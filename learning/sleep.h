#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "config/clock.h"
#include "engine/driver.h"
#include "engine/formats/safetensors.h"
#include "engine/published.h"
#include "learning/guard.h"
#include "learning/kernel_seat.h"
#include "learning/latents.h"
#include "learning/privacy.h"
#include "learning/seed.h"
#include "learning/sleep_report.h"
#include "learning/strategy.h"
#include "learning/versions.h"

namespace dormouse::learning {

struct SleepOptions {
  Strategy strategy = Strategy::replay_ewc;
  /// Relative to the curvature of the standardised latents: the step taken is slow_lr · 100 / λmax(E[zzᵀ]),
  /// within [slow_lr, 100 · slow_lr], 20 · slow_lr where the trunk learns too; it falls to a tenth by a half
  /// cosine over the night.
  float slow_lr = 0.001f;
  float momentum = 0.9f;
  std::size_t batch = 64;
  /// 0: 30 passes over a set with as many of every class as the largest has, at least 600 steps, at most
  /// 4000 (joint training starts from nothing and takes twice as many).
  std::size_t steps = 0;
  float distillation = 0.3f;  ///< share of the waking model's answer in the targets of old-class seed replay
  std::optional<float> ewc_lambda =
      {};  ///< nothing: 10 / (1 + (r / 10)²), r = replayed latents per old class
  float ewc_decay = 0.9f;
  /// Where EWC holds, trains a second candidate beside the first on the same batches with λ = 0, and reports
  /// what it would have got right: what EWC was worth tonight. Doubles the work of `rehearse`.
  bool control = true;
  /// Examples of the kernel head that is fitted to what was rehearsed and seated beside the network, as many
  /// of each class; N² · 8 bytes and a cube of N of work. 0: none. Only strategies that rehearse get one.
  std::size_t kernel_examples = 1000;
  GuardOptions guard = {};
  double budget_seconds = 600;  ///< of work; what was learnt by then goes to the dream check
  std::uint64_t seed = 1;
  const Clock* clock = nullptr;  ///< nothing: the system's
};

/// A night that trains on taught latents by PrivateGradient (see there for unit and assumption). Its
/// candidate weights and Fisher information are private; the dream check's verdict, the temperature and the
/// arbiter look at held-out examples and at the fast weights as they are, and are not.
struct NightPrivacy {
  PrivacyOptions options;
  PrivacyLoss spent;  ///< in nights before
};

/// All that a night reads, fixed at its start.
struct SleepInputs {
  std::string id;
  std::string model;
  engine::Graph trainable;                   ///< latent → logits with the current slow weights
  std::vector<std::string> labels;           ///< every known class, those of the slow head first
  LabelledLatents replay;                    ///< seed latents
  LabelledLatents heldout;                   ///< of the seed
  LabelledLatents taught;                    ///< labelled episodes, training part
  std::vector<std::uint64_t> episodes = {};  ///< which those are; without, no kernel head is fitted
  /// Unlabelled episodes under the model's own answer, the best first: each is rehearsed a quarter as often
  /// as any other example, no more of a class than it has others, and nothing else is made of them.
  LabelledLatents self_labelled = {};
  LabelledLatents taught_heldout;    ///< labelled episodes held out for ever
  LabelledLatents core = {};         ///< the frozen judge, see core_set.h; may be empty
  std::vector<bool> core_held = {};  ///< where the best version so far was right on it …
  std::size_t core_classes = 0;      ///< … of these first classes, which it knew
  std::optional<LatentScale> scale;  ///< of the seed's statistics; nothing: measured on replay and taught
  Parameters fisher;                 ///< in standardised coordinates; may be empty
  float temperature = 1;             ///< of the network
  std::optional<engine::LinearHead> fast;
  std::optional<engine::KernelSeat> kernel = {};  ///< beside the network, awake
  /// Where the trunk learns too: all the rows here are inputs, `trainable` leads from an input to logits, and
  /// this leads from an input to the latent that the fast head reads.
  std::optional<engine::Graph> trunk = {};
  std::optional<NightPrivacy> privacy = {};
};

/// What came of it. Not accepted: the rejected candidate, or the waking weights when the night made none.
struct SleepResult {
  bool accepted = false;
  engine::Graph trainable;  ///< candidate weights in the model's own coordinates; grown
  Parameters weights;       ///< the same by name, for a Version
  Parameters fisher;
  float temperature = 1;  ///< of the network
  std::optional<KernelSeat> kernel = {};
  engine::Arbiter arbiter;
  SleepReport report;
};

/// Stages that are others' work, done in pieces: each returns true while there is more. Empty ones are
/// skipped.
struct SleepHooks {
  std::function<bool()> consolidate = {};               ///< episodes into concepts, decay, forgetting
  std::function<bool()> tidy = {};                      ///< index and database
  std::function<void(const SleepResult&)> commit = {};  ///< write, record, swap
};

/// One night, a piece at a time.
///
/// Deterministic under options.seed: the same inputs give the same candidate whoever interrupts it, unless it
/// is private, since no seed may give its noise away. The daemon calls advance() in its low-priority queue,
/// so that requests pass between pieces; a piece takes about a millisecond (one minibatch) and never more
/// than a few ten. Nothing is published before `commit`. Not thread-safe.
class SleepCycle {
 public:
  SleepCycle(SleepInputs inputs, SleepOptions options, SleepHooks hooks = {},
             std::span<const engine::Driver* const> drivers = {});
  ~SleepCycle();
  SleepCycle(SleepCycle&&) noexcept;

  /// Does the next piece; true while there is more. A stop request ends the night at once, without a
  /// candidate.
  bool advance(std::stop_token stop = {});
  /// What it takes to go on after a power cut, but for the inputs and options; not once it is done. A cycle
  /// made of the same inputs and options, and restored before its first piece, ends with the same weights to
  /// the bit (a private one with as much noise). Throws Failure(corrupt) when the state does not fit them.
  engine::NamedTensors save() const;
  void restore(const engine::NamedTensors& state);
  /// What was learnt so far goes to the dream check; `note` says why in the report.
  void end_rehearsal(std::string note);
  Stage stage() const;
  double worked_seconds() const;
  /// So far.
  const SleepReport& report() const;
  /// Fraction of the night's steps done.
  double progress() const;
  /// Needs stage() == Stage::done.
  const SleepResult& result() const;

 private:
  struct Night;
  std::unique_ptr<Night> night_;
};

}  // namespace dormouse::learning
