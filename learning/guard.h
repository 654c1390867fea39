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
  std::size_t right_before = 0;
  std::size_t right_after = 0;
  std::size_t lost = 0;    ///< right before, wrong after
  std::size_t gained = 0;  ///< wrong before, right after
  double p_value = 1;      ///< of "the candidate is no worse", exact and one-sided
  bool fell = false;       ///< beyond tolerance and significantly

  double before() const { return examples ? double(right_before) / double(examples) : 0; }
  double after() const { return examples ? double(right_after) / double(examples) : 0; }
};

struct Verdict {
  bool accepted = false;
  std::string reason;             ///< one sentence for people
  std::vector<GuardRow> classes;  ///< by class
  GuardRow all;
};

/// P(X ≥ lost) for X ~ Binomial(lost + gained, ½): McNemar's test, exact and one-sided.
double paired_p_value(std::size_t lost, std::size_t gained);

/// The dream check: candidate against current on the same held-out examples. Rejected when a class, or all
/// together, falls beyond the tolerance and the test says so (small sets prove nothing), or when no class
/// gets better.
Verdict dream_check(std::span<const ClassIndex> truth, std::span<const ClassIndex> current,
                    std::span<const ClassIndex> candidate, const std::vector<std::string>& labels,
                    const GuardOptions& options);

}  // namespace dormouse::learning
