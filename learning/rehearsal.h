#pragma once

#include <optional>
#include <span>
#include <vector>

#include "learning/latents.h"
#include "learning/random.h"

namespace dormouse::learning {

/// Draws minibatches in which every class that has examples comes equally often, however many it has; within
/// a class each example comes once before any comes twice. Deterministic under its seed.
class BalancedSampler {
 public:
  /// Row indices by class; classes without rows are passed over. At least one row (ensure()d).
  BalancedSampler(std::vector<std::vector<std::size_t>> rows, std::uint64_t seed);

  std::vector<std::size_t> draw(std::size_t count);

  /// Where it is in its sequence: a sampler of the same rows goes on from there. Throws Failure(corrupt) when
  /// `state` is not one of these rows.
  std::vector<std::uint64_t> state() const;
  void restore(std::span<const std::uint64_t> state);

 private:
  std::size_t next_of(std::size_t pool);

  Random random_;
  std::vector<std::vector<std::size_t>> pools_;
  std::vector<std::size_t> position_;
  std::vector<std::size_t> order_;  ///< pools in this round
  std::size_t turn_ = 0;
};

/// Largest eigenvalue of E[zzᵀ] over these rows, by power iteration: how steep cross-entropy can get.
double curvature(const Tensor& latents, std::span<const std::size_t> rows);

/// The EWC strength that fits this much replay: 10 / (1 + (r / 10)²), r = replayed latents per old class.
/// Replay protects better than EWC where there is enough of it, and EWC costs accuracy beside it.
float ewc_lambda_for(double replayed_per_class);

/// Half a cosine from `rate` at the first step to a tenth of it at the last.
float scheduled_rate(float rate, std::size_t step, std::size_t steps);

}  // namespace dormouse::learning
