#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "learning/latents.h"

namespace dormouse::learning {

struct GuardOptions {
  double max_regression = 0.01;  ///< a class may lose this fraction of its held-out examples
  double alpha = 0.05;           ///< level of the exact one-sided paired test
};

/// One class (or all of them) under the dream check.
struct GuardRow {
  std::size_t examples = 0;
  std::size_t right_before = 0;  ///< by the slow weights that the candidate would replace
  std::size_t right_awake = 0;   ///< by what answers now, both heads
  std::size_t right_after = 0;   ///< by the candidate alone
  std::size_t lost = 0;          ///< to be held, wrong after
  std::size_t gained = 0;        ///< not to be held, right after
  double p_value = 1;            ///< of "the candidate is no worse", exact and one-sided
  bool fell = false;             ///< beyond tolerance and significantly

  double before() const { return examples ? double(right_before) / double(examples) : 0; }
  double awake() const { return examples ? double(right_awake) / double(examples) : 0; }
  /// What is to be held: right by the slow weights before and right awake.
  double held() const { return after() + (double(lost) - double(gained)) / double(examples ? examples : 1); }
  double after() const { return examples ? double(right_after) / double(examples) : 0; }
};

struct Verdict {
  bool accepted = false;
  std::string reason;             ///< one sentence for people
  std::vector<GuardRow> classes;  ///< by class
  GuardRow all;
  std::vector<GuardRow> core;  ///< by class, on the core set; before and awake: the best version so far
};

/// A fraction as reports show it: "93.4%".
std::string percent(double fraction);

/// P(X ≥ lost) for X ~ Binomial(lost + gained, ½): McNemar's test, exact and one-sided.
double paired_p_value(std::size_t lost, std::size_t gained);

/// The dream check on held-out examples: three predictions for each.
///
/// The candidate, alone, has to hold what the slow weights before it and the waking answer both get right: it
/// is rejected when a class, or all together, falls below that beyond the tolerance and the test says so
/// (small sets prove nothing). It is also rejected when it is better in no class than the slow weights it
/// would replace. Why both: fast weights trade some old accuracy for new classes the moment these are taught,
/// and sleep may make the same trade; and two heads together do better than any one, which is no fault of the
/// candidate. Judging the candidate together with the fast head instead would hide forgetting behind it.
Verdict dream_check(std::span<const ClassIndex> truth, std::span<const ClassIndex> slow_before,
                    std::span<const ClassIndex> awake, std::span<const ClassIndex> candidate,
                    const std::vector<std::string>& labels, const GuardOptions& options);

/// The core set's say: `verdict` is turned down when the candidate loses, beyond tolerance and chance, what
/// the best accepted version so far got right of a class, or of all together. `held`: where that was right.
void core_check(Verdict& verdict, std::span<const ClassIndex> truth, const std::vector<bool>& held,
                std::span<const ClassIndex> candidate, const std::vector<std::string>& labels,
                const GuardOptions& options);

}  // namespace dormouse::learning
