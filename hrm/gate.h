#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "hrm/number_text.h"

namespace dormouse::hrm {

/// What is known about a request once the cheap model has answered, in this order.
///
///   confidence  probability of the answer, calibrated      energy     −log Σ exp(logit), arXiv:2010.03759
///   margin      to the second class                        distance   mean, to the nearest episodes
///   agreement   share of the nearest episodes that have    concept    to the nearest concept of the answer's
///               the answer's label                                    class
///   novelty     see novelty()
///
/// Distances are in units of the typical distance within a class; 0 where there is no memory.
inline constexpr std::array<std::string_view, 7> kSignals{"confidence", "margin",  "energy", "agreement",
                                                          "distance",   "concept", "novelty"};
using Signals = std::array<float, kSignals.size()>;
inline constexpr std::size_t kConfidence = 0, kEnergy = 2, kNovelty = 6;  ///< in Signals

/// The probability that the cheap answer is right, from the signals: logistic regression over standardised
/// signals, one pass of AdaGrad (Duchi and others 2011) with a running mean and variance (Welford 1962).
///
/// Deterministic. A score means the same only as long as the gate does not learn: copy it, and let the copy
/// judge until it is certified anew. Not thread-safe; score() is, between two learn().
class Gate {
 public:
  /// One answered request. Signals have to be finite (ensure()d).
  void learn(const Signals& signals, bool right);
  /// In [0, 1]; 0.5 before the first lesson.
  float score(const Signals& signals) const;

  void save(NumberWriter& text) const;
  /// The gate that was saved, to the bit. Throws Failure(corrupt).
  static Gate restore(NumberReader& text);

 private:
  static constexpr std::size_t kInputs = kSignals.size() + 1;  ///< and a constant
  using Inputs = std::array<double, kInputs>;
  Inputs inputs(const Signals& signals) const;

  double lessons_ = 0;
  std::array<double, kSignals.size()> mean_{}, squares_{};  ///< squares: summed, about the mean
  Inputs weights_{}, steepness_{};                          ///< steepness: of squared gradients
};

}  // namespace dormouse::hrm
