#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace dormouse::memory {

/// An unlabelled episode as a question.
struct ReviewCandidate {
  std::vector<float> latent;
  float uncertainty = 0;  ///< 1 − (p₁ − p₂), of the two likeliest classes
  float novelty = 0;      ///< how unlike anything labelled, in [0, 1]

  /// The mean of both: doubt alone asks about what lies between known classes, novelty alone about outliers.
  float score() const { return (uncertainty + novelty) / 2; }
};

/// One question, and what its answer would most likely answer too.
struct ReviewChoice {
  std::size_t candidate = 0;
  std::vector<std::size_t> alike;  ///< by score
};

/// At most `n` questions, the best first: each time the candidate with the highest score (ties by place) that
/// is farther than `alike_within` (Euclidean) from every one chosen before; the nearer ones stand behind the
/// first that covers them.
std::vector<ReviewChoice> choose_for_review(std::span<const ReviewCandidate> candidates, std::size_t n,
                                            float alike_within);

}  // namespace dormouse::memory
