#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "hrm/number_text.h"

namespace dormouse::hrm {

/// What is known about a request once the cheap model has answered, in this order.
///
///   confidence  probability of the answer, calibrated      energy     −log Σ exp(logit), arXiv:2010.03759
///   margin      to the second class                        distance   mean, to the nearest episodes
///   agreement   share of the nearest episodes that have    concept    to the nearest concept of the answer's
///               the answer's label                                    class
///   novelty     see novelty()                              answer      the class, by number: of such the
///   gate
///                                                          knows how often they were wrong
///
/// Distances are in units of the typical distance within a class; 0 where there is no memory.
inline constexpr std::array<std::string_view, 8> kSignals{"confidence", "margin",  "energy",  "agreement",
                                                          "distance",   "concept", "novelty", "answer"};
using Signals = std::array<float, kSignals.size()>;
inline constexpr std::size_t kConfidence = 0, kEnergy = 2, kNovelty = 6, kAnswer = 7;  ///< in Signals

/// The probability that the cheap answer is right, from the signals: logistic regression over standardised
/// signals, one pass of AdaGrad (Duchi and others 2011) with a running mean and variance (Welford 1962).
///
/// In place of the answer's number it takes the log odds of the historic error of such answers: the share
/// that was wrong before, as if ten more had been wrong as often as all are. It is part of the gate and
/// frozen with it, so a copy's score stays the same function of a request.
///
/// Deterministic. A score means the same only as long as the gate does not learn: copy it, and let the copy
/// judge until it is certified anew. Not thread-safe; score() is, between two learn().
class Gate {
 public:
  /// One answered request. Signals have to be finite (ensure()d).
  void learn(const Signals& signals, bool right);
  /// Once more one that was learnt: it adds nothing to the historic error, and is not told its own part in
  /// it.
  void rehearse(const Signals& signals, bool right);
  /// How often answers of a class were wrong begins anew: they are another model's now.
  void forget_history();
  /// Share of wrong answers among those of this class so far, drawn towards that of all; a half before any.
  double historic_error(const Signals& signals) const { return share(signals, {}); }
  /// In [0, 1]; 0.5 before the first lesson.
  float score(const Signals& signals) const;

  void save(NumberWriter& text) const;
  /// The gate that was saved, to the bit. Throws Failure(corrupt).
  static Gate restore(NumberReader& text);

 private:
  static constexpr std::size_t kInputs = kSignals.size() + 1;  ///< and a constant
  using Inputs = std::array<double, kInputs>;
  /// Answers that were judged.
  struct Count {
    double all = 0, wrong = 0;
  };
  Inputs inputs(const Signals& signals, const Count& but) const;
  double share(const Signals& signals, const Count& but) const;
  double history(const Signals& signals, const Count& but) const;
  void step(const Signals& signals, bool right, const Count& but);

  double lessons_ = 0;
  std::array<double, kSignals.size()> mean_{}, squares_{};  ///< squares: summed, about the mean
  Inputs weights_{}, steepness_{};                          ///< steepness: of squared gradients
  Count total_;
  std::vector<Count> by_class_;  ///< by the answer's number, as far as any was answered
};

}  // namespace dormouse::hrm
