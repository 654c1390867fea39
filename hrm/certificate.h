#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace dormouse::hrm {

/// P(X ≤ k) for X ~ Binomial(n, p), k ≤ n, p in [0, 1].
double binomial_cdf(std::size_t k, std::size_t n, double p);

/// Upper limit of an error rate after k errors in n trials at confidence 1 − alpha (Clopper and Pearson
/// 1934): the p at which P(X ≤ k) = alpha. 1 without trials.
double upper_limit(std::size_t k, std::size_t n, double alpha);
/// Lower limit likewise: the p at which P(X ≥ k) = alpha.
double lower_limit(std::size_t k, std::size_t n, double alpha);

/// A cheap answer whose truth became known.
struct Audit {
  float score = 0;  ///< of the gate in force, see Gate
  bool wrong = false;
};

/// What is promised: P(wrong | accepted) ≤ target_error, with probability 1 − delta over the audits.
struct Promise {
  double target_error = 0.01;  ///< in (0, 1)
  double delta = 0.05;         ///< in (0, 1)
  std::size_t starts = 4;      ///< chains of tests; at least 1
  bool operator==(const Promise&) const = default;
};

struct Certificate {
  std::optional<float> threshold;  ///< scores from here on are accepted; nothing is where it is absent
  std::size_t audits = 0;          ///< seen in all
  std::size_t accepted = 0;        ///< of them, with a score from `threshold` on
  std::size_t errors = 0;          ///< of the accepted
  double bound = 1;  ///< upper limit of the error of what is accepted; ≤ target_error if certified
};

/// How the audits will be tested; fixed before any of them is known.
struct TestPlan {
  bool always = false;  ///< look after every audit, and as often as one likes; otherwise once, at the end
  std::size_t foreseen = 0;  ///< audits, if there are always looks: it fixes where the first chain begins
  std::size_t hopeful = std::numeric_limits<std::size_t>::max();  ///< see hopeful()
};

/// What an error rate of at least `p` makes of k errors in n trials or fewer: a p-value that stays one
/// however often one looks. 1 / e, where e is a mixture of likelihood ratios of smaller rates and p: a
/// betting game that a rate of p or more loses, so that it is ever worth x with probability 1 / x at most
/// (Ville 1939). 0 < p < 1.
double anytime_p(std::size_t k, std::size_t n, double p);

/// The laxest threshold for which the promise can be kept: Learn then Test (Angelopoulos and others,
/// arXiv:2110.01052).
///
/// Threshold t is accepted once "P(wrong | score ≥ t) > target_error" is rejected by the exact binomial test,
/// or where there are always looks by anytime_p(). `starts` chains begin at equal distances in `thresholds`,
/// each with delta/starts to spend, and go towards lax until a test fails; one that comes to where the next
/// begins brings along what it has (the fallback procedure, Wiens 2003), so a chain that never fails ends at
/// the full delta. Whatever is accepted falsely, that happens with probability delta at most. To begin at the
/// strictest threshold would be a trap: too few audits lie there to reject anything, and the chain would end
/// where it begins. So the first begins where there are enough, if each threshold accepts as many more
/// requests as the one before; if not, less is certified, but nothing falsely. To begin where earlier audits
/// leave no hope would be a waste of delta: what lies beyond is only reached by going on.
///
/// What has to hold: `thresholds` (falling) and the gate were fixed without these audits, and each request
/// was as likely as any other to be audited, whatever its score: then those from t on are independent draws
/// of what is accepted at t. Complaints and corrections by users are not, and do not belong here. A promise
/// about the past: it holds for requests like the audited ones.
///
/// Throws Failure(invalid) for a promise out of range, thresholds that do not fall, or a score that is no
/// number.
Certificate certify(std::span<const Audit> audits, std::span<const float> thresholds, const Promise& promise,
                    const TestPlan& plan = {});

/// Of all audits, those that a threshold accepts.
struct Counted {
  std::size_t audits = 0, errors = 0;
};
/// The same where what is wrong depends on the threshold, too: what was counted at each of them.
Certificate certify(std::span<const Counted> at, std::size_t audits, std::span<const float> thresholds,
                    const Promise& promise, const TestPlan& plan = {});

/// Thresholds for certify(): falling, at most 50, each of which accepts an equal share more of these scores
/// than the one before.
std::vector<float> equal_shares(std::vector<float> scores);

/// How many of `thresholds` (falling) lead up to the laxest with so few errors among `earlier` audits that,
/// at target_error, a tenth of all samples or more would have as many. Chains begin among these; where they
/// are fewer than the first needs, all begin with the first. The audits of the test must not be among
/// `earlier`.
std::size_t hopeful(std::span<const Audit> earlier, std::span<const float> thresholds, double target_error);

}  // namespace dormouse::hrm
