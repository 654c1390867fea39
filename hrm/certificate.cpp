#include "hrm/certificate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "config/error.h"

namespace dormouse::hrm {
namespace {

void check(std::span<const float> thresholds, const Promise& promise) {
  if (!(promise.target_error > 0 && promise.target_error < 1))
    throw Failure(Errc::invalid, "router: target_error must lie between 0 and 1");
  if (!(promise.delta > 0 && promise.delta < 1))
    throw Failure(Errc::invalid, "router: delta must lie between 0 and 1");
  if (promise.starts == 0) throw Failure(Errc::invalid, "router: at least one chain of tests is needed");
  if (std::ranges::adjacent_find(thresholds, std::not_fn(std::greater<>{})) != thresholds.end())
    throw Failure(Errc::invalid, "router: thresholds must fall");
}

void check(std::span<const Audit> audits) {
  if (!std::ranges::all_of(audits, [](const Audit& a) { return std::isfinite(a.score); }))
    throw Failure(Errc::invalid, "router: an audit's score is no number");
}

std::vector<Counted> count(std::span<const Audit> audits, std::span<const float> thresholds) {
  std::vector<Counted> at(thresholds.size());
  for (const Audit& audit : audits) {
    const auto first = std::ranges::lower_bound(thresholds, audit.score, std::greater<>{});
    if (first == thresholds.end()) continue;
    Counted& bin = at[static_cast<std::size_t>(first - thresholds.begin())];
    ++bin.audits, bin.errors += audit.wrong;
  }
  for (std::size_t i = 1; i < at.size(); ++i)
    at[i].audits += at[i - 1].audits, at[i].errors += at[i - 1].errors;
  return at;
}

/// The strictest threshold from which so many audits are expected that none of them wrong would be proof,
/// with a tenth to spare. It may not depend on what the audits are, only on how many.
std::size_t first_start(std::size_t thresholds, std::size_t audits, double target_error, double level) {
  if (thresholds == 0) return 0;
  const double needed = 1.1 * std::log(level) / std::log1p(-target_error);
  const double share = needed / static_cast<double>(std::max<std::size_t>(audits, 1));
  const auto size = static_cast<double>(thresholds);
  return static_cast<std::size_t>(std::clamp(std::ceil(share * size) - 1, 0.0, size));
}

/// The p in [0, 1] at which a falling function of it is `value`.
template <class Function>
double solve(const Function& falling, double value) {
  double low = 0, high = 1;
  for (int step = 0; step < 60; ++step) {
    const double middle = (low + high) / 2;
    (falling(middle) > value ? low : high) = middle;
  }
  return high;
}

}  // namespace

double binomial_cdf(std::size_t k, std::size_t n, double p) {
  ensure(k <= n && p >= 0 && p <= 1, "a binomial distribution");
  if (k == n || p <= 0) return 1;
  if (p >= 1) return 0;
  const double log_odds = std::log(p) - std::log1p(-p);
  double log_term = static_cast<double>(n) * std::log1p(-p), sum = 0;
  for (std::size_t i = 0;; ++i) {
    sum += std::exp(log_term);
    if (i == k) return std::min(sum, 1.0);
    log_term += std::log(static_cast<double>(n - i) / static_cast<double>(i + 1)) + log_odds;
  }
}

double anytime_p(std::size_t k, std::size_t n, double p) {
  ensure(k <= n && p > 0 && p < 1, "a binomial distribution");
  struct Bet {
    double rate, stake;  // a share of p; of what is there to begin with
  };
  static constexpr std::array kBets{Bet{0, 0.35}, Bet{0.125, 0.25}, Bet{0.3, 0.2}, Bet{0.6, 0.12},
                                    Bet{0.8, 0.08}};
  const auto errors = static_cast<double>(k), others = static_cast<double>(n - k);
  double worth = 0;
  for (const Bet& bet : kBets) {
    if (bet.rate == 0 && k > 0) continue;
    const double won = others * (std::log1p(-bet.rate * p) - std::log1p(-p));
    worth += bet.stake * std::exp(won + (k > 0 ? errors * std::log(bet.rate) : 0));
  }
  return 1 / std::max(1.0, worth);
}

double upper_limit(std::size_t k, std::size_t n, double alpha) {
  if (k >= n) return 1;
  return solve([&](double p) { return binomial_cdf(k, n, p); }, alpha);
}

double lower_limit(std::size_t k, std::size_t n, double alpha) {
  if (k == 0) return 0;
  return solve([&](double p) { return binomial_cdf(k - 1, n, p); }, 1 - alpha);
}

Certificate certify(std::span<const Audit> audits, std::span<const float> thresholds, const Promise& promise,
                    const TestPlan& plan) {
  check(audits);
  check(thresholds, promise);
  return certify(count(audits, thresholds), audits.size(), thresholds, promise, plan);
}

Certificate certify(std::span<const Counted> at, std::size_t audits, std::span<const float> thresholds,
                    const Promise& promise, const TestPlan& plan) {
  check(thresholds, promise);
  ensure(at.size() == thresholds.size(), "a count for each threshold");
  const double level = promise.delta / static_cast<double>(promise.starts);
  const std::size_t foreseen = plan.always ? plan.foreseen : audits;
  const std::size_t strictest = first_start(at.size(), foreseen, promise.target_error, level);
  const std::size_t within = std::max(strictest, std::min(plan.hopeful, at.size())) - strictest;
  const auto chance = [&](const Counted& bin, double error) {
    return plan.always ? anytime_p(bin.errors, bin.audits, error)
                       : binomial_cdf(bin.errors, bin.audits, error);
  };
  std::optional<std::size_t> laxest;
  double carried = 0, spent = 0;  // level of the next test; of the laxest that succeeded
  for (std::size_t i = strictest, chain = 0; i < at.size(); ++i) {
    for (; chain < promise.starts && i >= strictest + within * chain / promise.starts; ++chain)
      carried += level;
    if (carried > 0 && chance(at[i], promise.target_error) <= carried) {
      laxest = i, spent = carried;
    } else {
      carried = 0;
    }
  }
  Certificate certificate;
  certificate.audits = audits;
  if (!laxest) return certificate;
  certificate.threshold = thresholds[*laxest];
  certificate.accepted = at[*laxest].audits;
  certificate.errors = at[*laxest].errors;
  certificate.bound =
      solve([&](double p) { return chance(at[*laxest], std::clamp(p, 1e-9, 1 - 1e-9)); }, spent);
  return certificate;
}

std::size_t hopeful(std::span<const Audit> earlier, std::span<const float> thresholds, double target_error) {
  constexpr double kHope = 0.1;
  const std::vector<Counted> at = count(earlier, thresholds);
  std::size_t last = at.size();
  while (last > 0 && at[last - 1].errors > 0 &&
         1 - binomial_cdf(at[last - 1].errors - 1, at[last - 1].audits, target_error) < kHope)
    --last;
  return last;
}

std::vector<float> equal_shares(std::vector<float> scores) {
  constexpr std::size_t kShares = 50;
  std::ranges::sort(scores, std::greater<>{});
  std::vector<float> thresholds;
  for (std::size_t i = 1; i <= kShares; ++i)
    if (const std::size_t accepted = scores.size() * i / kShares; accepted > 0)
      thresholds.push_back(scores[accepted - 1]);
  thresholds.erase(std::ranges::unique(thresholds).begin(), thresholds.end());
  return thresholds;
}

}  // namespace dormouse::hrm
