#include <algorithm>
#include <cstdio>
#include <random>

#include "hrm/audited_gate.h"
#include "tests/bench/router/parts.h"

namespace dormouse::bench {
namespace {

constexpr double kAudited = 0.05;  // the daemon's usual share
constexpr std::size_t kStreams = 200;
constexpr std::size_t kHalf = 6000;  // requests before the shift, and after
constexpr std::size_t kSoon = 1000;

struct Tally {
  double requests = 0, accepted = 0, wrong = 0, right = 0;
  double error() const { return accepted > 0 ? 100 * wrong / accepted : 0; }
  double share() const { return requests > 0 ? 100 * accepted / requests : 0; }
};

struct Course {
  Tally before, soon, rest;
  std::size_t alarms = 0;
  bool certified = false;       ///< before the stream began
  std::size_t lag = 0;          ///< from the shift to where a certificate is in force after the last alarm
  bool again = true;            ///< it is at the end
  std::size_t first_alarm = 0;  ///< requests after the shift; 0: none
};

/// One stream, as the daemon would go through it.
class Life {
 public:
  Life(double target_error, std::uint64_t seed)
      : gate_({.target_error = target_error, .delta = 0.05}), random_(seed) {}

  std::size_t warm_up(const std::vector<Exit>& pool) {
    std::size_t audits = 0;
    while (gate_.judge()->rule != hrm::Judge::Rule::certified && audits < 8000) audit(any(pool)), ++audits;
    return audits;
  }
  const Exit& any(const std::vector<Exit>& pool) { return pool[random_() % pool.size()]; }
  hrm::AuditedGate::Event request(const Exit& exit, Tally& tally) {
    const auto judge = gate_.judge();
    const bool certified = judge->rule == hrm::Judge::Rule::certified;
    const bool taken = certified && judge->gate.score(exit.signals) >= judge->threshold;
    ++tally.requests, tally.accepted += taken;
    tally.wrong += taken && exit.low != exit.high;
    tally.right += (taken ? exit.low : exit.high) == exit.truth;
    if (certified) gate_.answered(taken);
    if (double(random_() >> 11) * 0x1p-53 >= gate_.audit_share(kAudited))
      return hrm::AuditedGate::Event::none;
    return audit(exit);
  }
  bool in_force() const { return gate_.judge()->rule == hrm::Judge::Rule::certified; }

 private:
  hrm::AuditedGate::Event audit(const Exit& exit) {
    return gate_.audited(exit.signals, exit.low != exit.high);
  }

  hrm::AuditedGate gate_;
  std::mt19937_64 random_;
};

template <class Next>
Course course(const std::vector<Exit>& before, double target_error, std::uint64_t seed, const Next& next) {
  using Event = hrm::AuditedGate::Event;
  Life life(target_error, seed);
  Course course;
  life.warm_up(before);
  course.certified = life.in_force();
  for (std::size_t i = 0; i < kHalf; ++i) life.request(life.any(before), course.before);
  for (std::size_t i = 0; i < kHalf; ++i) {
    const bool was = life.in_force();
    const Event event = life.request(next(life, i), i < kSoon ? course.soon : course.rest);
    if (event == Event::alarm || event == Event::given_up) {
      ++course.alarms;
      if (course.first_alarm == 0) course.first_alarm = i + 1;
    }
    if (!was && life.in_force() && course.lag == 0) course.lag = i + 1;
  }
  course.again = life.in_force();
  return course;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

void measure_stream(const std::string& what, std::vector<Exit> before, std::vector<Exit> after,
                    double target_error, bool ramp, Verdicts& verdicts) {
  std::vector<double> alarm, lag, errors[3], shares[3];
  std::size_t alarmed = 0, never = 0, late = 0;
  for (std::uint64_t seed = 1; seed <= kStreams; ++seed) {
    const Course one = course(before, target_error, seed, [&](Life& life, std::size_t i) -> const Exit& {
      if (!ramp) return life.any(after);
      // In order, each place of the ramp as many times as it takes.
      const std::size_t size = after.size();
      return after[std::min(size - 1, i * size / kHalf)];
    });
    const Tally* const parts[] = {&one.before, &one.soon, &one.rest};
    for (std::size_t part = 0; part < 3; ++part)
      errors[part].push_back(parts[part]->error()), shares[part].push_back(parts[part]->share());
    if (one.first_alarm > 0) {
      ++alarmed;
      alarm.push_back(double(one.first_alarm));
      if (one.lag > 0) lag.push_back(double(one.lag));
      never += one.lag == 0;
      late += one.lag == 0 || one.lag > kSoon;
    }
  }
  std::printf(
      "%-28s accepted %5.1f | %5.1f | %5.1f %%, of these not as high %5.2f | %5.2f | %5.2f %%; alarm in "
      "%5.1f %% "
      "after %4.0f, certified anew after %4.0f, not within %zu requests in %5.1f %%, never in %5.1f %%\n",
      what.c_str(), median(shares[0]), median(shares[1]), median(shares[2]), median(errors[0]),
      median(errors[1]), median(errors[2]), 100 * double(alarmed) / kStreams, median(alarm), median(lag),
      kSoon, 100 * double(late) / kStreams, 100 * double(never) / kStreams);
  if (2 * alarmed > kStreams)
    verdicts.at_most(what + ": requests from the shift to a new certificate, median",
                     lag.size() * 2 > alarmed ? median(lag) : 1e9, double(kSoon), "");
  else
    verdicts.at_most(what + ": nothing to certify anew; not as high, of what is accepted after the shift",
                     std::max(median(errors[1]), median(errors[2])), 100 * target_error);
}

}  // namespace dormouse::bench
