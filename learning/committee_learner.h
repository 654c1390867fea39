#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "learning/committee.h"
#include "learning/continual.h"
#include "learning/kernel_fit.h"
#include "learning/slda.h"

namespace dormouse::learning {

struct CommitteeOptions {
  /// All that is kept from one night to the next except weights: exemplars, held-out ones, statistics.
  std::size_t budget_bytes = 256 * 1024;
  Packing packing = {.code = Packing::Code::bits4};
  ContinualOptions network = {.knobs = {.alpha = 0.3f, .beta = 1}};  ///< awake; its strategy and memory are
                                                                     ///< made from what stands here
  /// Share of the examples, and of the bytes, that no head trains on: which ones, their values decide, so
  /// that an example met again stays on its side.
  double held_out = 0.1;
  std::size_t night_steps = 500;  ///< of the network, on class-balanced batches from memory
  std::size_t night_batch = 64;
  float night_rate = 0.01f;
  /// Logits are kept with exemplars, and the network's asymmetric loss becomes that of dark experience
  /// replay, where they take at most this share of what an exemplar takes without them.
  double logits_share = 0.2;
  double statistics_share = 0.6;  ///< of the budget; a discriminant that needs more has no seat
  KernelOptions kernel = {};
  std::size_t kernel_examples = 4000;  ///< at most, as many of each class: a night takes their cube
  SldaHead::Options discriminant = {};
  /// Of the committee, in examples; and how many times another head's share the discriminant starts with. It
  /// has seen every example and has fewest ways to be wrong, while held-out examples that resemble kept ones
  /// flatter the heads that train on those.
  double prior = 150;
  double presumption = 10;
  std::uint64_t seed = 1;
};

/// The strategies that complement each other under one budget, and one answer.
///
/// Awake: the network takes a step on every batch and what memory replays, the discriminant updates its
/// statistics. At night: the network rehearses memory class by class, a kernel head is fitted to the
/// exemplars, and the committee is seated on examples that none of them was trained on. The network
/// remembers what passed and was not kept, the kernel head makes the most of what was, the discriminant
/// forgets nothing by construction; which of them a device should believe depends on its data, and held-out
/// examples tell. Not thread-safe.
class CommitteeLearner {
 public:
  /// `part`: as ContinualLearner takes it. Throws Failure(invalid) when the budget holds no exemplar.
  CommitteeLearner(const engine::Graph& part, CommitteeOptions options);

  void learn(const LabelledLatents& batch);
  void sleep();

  /// Logits at temperature 1, f32 [N, C]. Before the first night the network answers alone.
  Tensor logits(const Tensor& inputs) const;
  /// What a night left, as it is packed.
  std::size_t bytes() const;
  /// By head: network, kernel head, and the discriminant where it has a seat.
  const Committee& committee() const { return committee_; }
  const ContinualLearner& network() const { return network_; }

 private:
  static ContinualOptions network_options(const CommitteeOptions& options, const engine::Graph& part,
                                          std::size_t statistics);
  std::vector<Tensor> scores(const Tensor& inputs) const;
  bool holds_out(std::span<const float> values) const;
  LabelledLatents examinable() const;

  CommitteeOptions options_;
  std::size_t classes_;
  std::size_t statistics_bytes_;  ///< 0: no discriminant
  ContinualLearner network_;
  ExemplarMemory held_out_;
  std::optional<SldaHead> discriminant_;
  std::optional<engine::KernelHead> kernel_;
  Committee committee_;
};

}  // namespace dormouse::learning
