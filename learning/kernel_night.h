#pragma once

#include <optional>
#include <vector>

#include "learning/committee.h"
#include "learning/kernel_fit.h"
#include "learning/kernel_seat.h"
#include "learning/sleep_report.h"

namespace dormouse::learning {

struct SleepInputs;

/// A night's kernel head: chooses its examples, fits it and seats it beside the network, a piece at a time.
///
/// The examples are what the night rehearses, as many of each class; of a class that has more, seed and
/// newest episodes in turn. The seat is found on held-out examples, which the guard then judges by: so that
/// no example is judged by weights that it helped to find, each is judged by those that the examples outside
/// its fold found (cross-fitting; van der Laan, Polley and Hubbard 2007). The seat itself is found on all.
/// Which fold, the latent's codes decide, so that copies share theirs.
///
/// Deterministic, and cheap enough to be done again by a night that is taken up.
class KernelNight {
 public:
  static constexpr std::size_t kFolds = 5;

  /// Needs `in.episodes`. At most so many examples, at least one.
  KernelNight(const SleepInputs& in, std::size_t examples);

  /// True while there is more of it.
  bool fit_more();
  /// The same for the seat, once fitted; `logits` are the candidate network's on these examples, at least
  /// one.
  bool seat_more(const Tensor& logits, const LabelledLatents& held_out);

  // Once that is done.

  KernelReport report(const LabelledLatents& held_out) const;
  /// Nothing when the held-out examples give the head no weight.
  std::optional<KernelSeat> seat() const;
  /// The pool's logits f32 [N, C] by the weights that each latent had no part in.
  Tensor judged(const Tensor& logits, const Tensor& latents) const;

 private:
  Committee seat_on(std::span<const std::size_t> rows, const LabelledLatents& held_out) const;

  KernelExamples examples_;
  std::optional<KernelFit> fit_;
  std::optional<engine::KernelHead> head_;
  std::vector<Tensor> scores_;      ///< of network and kernel head on the held-out examples
  std::vector<std::size_t> folds_;  ///< of these
  std::vector<Committee> seats_;    ///< by fold, then the one found on all
};

}  // namespace dormouse::learning
