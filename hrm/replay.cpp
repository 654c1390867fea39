#include "hrm/replay.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "config/error.h"

namespace dormouse::hrm {
namespace {

/// Adds up what requests cost and answer.
class Sum {
 public:
  void add(const TracedRequest& request, bool low_ran, bool accepted) {
    ++requests_;
    accepted_ += accepted;
    errors_ += accepted && request.refuted;
    right_ += accepted ? request.low_right : request.high_right;
    high_us_ += request.high_us;
    us_ += (low_ran ? request.low_us : 0) + (accepted ? 0 : request.high_us);
  }
  Outcome outcome() const {
    return {share(accepted_, requests_), share(errors_, accepted_), share(right_, requests_),
            share(us_, high_us_)};
  }

 private:
  static double share(double part, double whole) { return whole > 0 ? part / whole : 0; }
  double requests_ = 0, accepted_ = 0, errors_ = 0, right_ = 0, high_us_ = 0, us_ = 0;
};

/// A part of the trace, with a score for each request.
struct Scored {
  std::span<const TracedRequest> requests;
  std::vector<float> scores;
  std::vector<float> thresholds;  ///< falling; from other requests
};

template <class Score>
Scored scored(std::span<const TracedRequest> past, std::span<const TracedRequest> rest, const Score& score) {
  const auto all = [&](std::span<const TracedRequest> requests) {
    std::vector<float> scores;
    for (const TracedRequest& request : requests) scores.push_back(score(request.signals));
    return scores;
  };
  return {rest, all(rest), equal_shares(all(past))};
}

std::vector<Outcome> curve(const Scored& scored) {
  std::vector<Outcome> outcomes;
  for (const float threshold : scored.thresholds) {
    Sum sum;
    for (std::size_t i = 0; i < scored.scores.size(); ++i)
      sum.add(scored.requests[i], true, scored.scores[i] >= threshold);
    outcomes.push_back(sum.outcome());
  }
  return outcomes;
}

template <class Accept>
Outcome fixed(std::span<const TracedRequest> requests, bool low_runs, const Accept& accept) {
  Sum sum;
  for (const TracedRequest& request : requests) sum.add(request, low_runs, accept(request));
  return sum.outcome();
}

/// How often independent draws of audits break the promise in a world of just these requests.
std::size_t broken(const Scored& scored, const ReplayOptions& options) {
  std::mt19937_64 random(options.seed);
  std::vector<Audit> audits(options.audits);
  std::size_t broken = 0;
  for (std::size_t split = 0; split < options.splits; ++split) {
    for (Audit& audit : audits) {
      const std::size_t one = random() % scored.scores.size();
      audit = {scored.scores[one], scored.requests[one].refuted};
    }
    const Certificate certificate = certify(audits, scored.thresholds, options.promise);
    if (!certificate.threshold) continue;
    Sum all;
    for (std::size_t i = 0; i < scored.scores.size(); ++i)
      all.add(scored.requests[i], true, scored.scores[i] >= *certificate.threshold);
    broken += all.outcome().error > options.promise.target_error;
  }
  return broken;
}

CertifiedOutcome certified(const Scored& scored, const ReplayOptions& options) {
  std::mt19937_64 random(options.seed);
  std::vector<std::size_t> order(scored.scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<Audit> audits(options.audits);
  CertifiedOutcome result;
  Outcome& mean = result.mean;
  for (std::size_t split = 0; split < options.splits; ++split) {
    for (std::size_t i = 0; i < audits.size(); ++i) {
      std::swap(order[i], order[i + random() % (order.size() - i)]);
      audits[i] = {scored.scores[order[i]], scored.requests[order[i]].refuted};
    }
    const Certificate certificate = certify(audits, scored.thresholds, options.promise);
    Sum sum;
    for (std::size_t i = audits.size(); i < order.size(); ++i) {
      const bool accepted = certificate.threshold && scored.scores[order[i]] >= *certificate.threshold;
      sum.add(scored.requests[order[i]], true, accepted);
    }
    const Outcome here = sum.outcome();
    const double weight = 1 / static_cast<double>(options.splits);
    mean.accepted += weight * here.accepted, mean.error += weight * here.error;
    mean.accuracy += weight * here.accuracy, mean.compute += weight * here.compute;
    result.certified += certificate.threshold.has_value();
    result.violated += here.error > options.promise.target_error;
  }
  result.broken = broken(scored, options);
  return result;
}

/// As often low as `like`, whatever the request.
Outcome by_lot(const Outcome& like, const Outcome& low, const Outcome& high) {
  const double a = like.accepted;
  return {a, a > 0 ? low.error : 0, a * low.accuracy + (1 - a) * high.accuracy, low.compute + 1 - a};
}

}  // namespace

std::size_t tested_of(std::size_t requests, const ReplayOptions& options) {
  const std::size_t lessons = options.lessons > 0 ? options.lessons : requests / 4;
  return requests - std::min(lessons, requests);
}

Replay replay(std::span<const TracedRequest> trace, const ReplayOptions& options) {
  const auto rest = trace.last(tested_of(trace.size(), options)),
             past = trace.first(trace.size() - rest.size());
  if (past.empty() || options.audits == 0 || rest.size() <= options.audits)
    throw Failure(Errc::invalid, "router: a trace of " + std::to_string(trace.size()) +
                                     " requests is too short for " + std::to_string(options.audits) +
                                     " audits; what is left after " + std::to_string(past.size()) +
                                     " lessons must be more than that");
  if (options.splits == 0) throw Failure(Errc::invalid, "router: at least one split is needed");
  Gate gate;
  for (const TracedRequest& request : past) gate.learn(request.signals, !request.refuted);
  const Scored by_gate = scored(past, rest, [&](const Signals& s) { return gate.score(s); });
  const Scored by_confidence = scored(past, rest, [](const Signals& s) { return s[kConfidence]; });

  Replay result;
  result.learnt = past.size(), result.tested = rest.size();
  result.always_low = fixed(rest, true, [](const TracedRequest&) { return true; });
  result.always_high = fixed(rest, false, [](const TracedRequest&) { return false; });
  result.oracle = fixed(rest, true, [](const TracedRequest& r) { return r.low_right || !r.high_right; });
  result.gate = certified(by_gate, options);
  result.confidence = certified(by_confidence, options);
  result.random = by_lot(result.gate.mean, result.always_low, result.always_high);
  result.gate_curve = curve(by_gate);
  result.confidence_curve = curve(by_confidence);
  return result;
}

}  // namespace dormouse::hrm
