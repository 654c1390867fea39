#pragma once

#include <memory>
#include <span>

#include "engine/session.h"
#include "learning/latents.h"
#include "learning/secure.h"
#include "learning/seed.h"

namespace dormouse::learning {

/// The gradient of DP-SGD (Abadi et al. 2016) on labelled episodes:
///
///   (Σ over a Poisson sample of g·min(1, C/‖g‖₂) + N(0, σ²C²)) / expected size of the sample,
///
/// where g is one example's gradient of its cross-entropy over all parameters together. What one draw costs
/// is PrivacyLoss(rate, σ, 1).
///
/// The unit protected is one labelled episode, added or removed. Assumed: seed replay is public and trained
/// beside it without noise; so are the number of episodes, by which the sum is divided, and the classes'
/// names. Norms are right to f32 rounding. Not thread-safe.
class PrivateGradient {
 public:
  /// `part`: as Trainer takes it. `clip` C and `noise` σ above 0; `drivers` are borrowed.
  PrivateGradient(const engine::Graph& part, double clip, double noise,
                  std::span<const engine::Driver* const> drivers = {});
  ~PrivateGradient();
  PrivateGradient(PrivateGradient&&) noexcept;
  PrivateGradient& operator=(PrivateGradient&&) noexcept;

  /// By parameter name, at these parameters. Each row is in the sample with chance `rate` in (0, 1]; rows may
  /// not be empty. A row whose gradient is not finite counts as zero.
  Parameters draw(const Parameters& at, const LabelledLatents& rows, double rate);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dormouse::learning
