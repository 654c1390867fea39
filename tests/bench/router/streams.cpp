#include <algorithm>
#include <cstdio>
#include <random>

#include "hrm/audited_gate.h"
#include "tests/bench/router/parts.h"

namespace dormouse::bench {
namespace {

constexpr std::size_t kStreams = 200;
constexpr std::size_t kHalf = 6000;  // requests before the shift, and after
constexpr std::size_t kSoon = 1000;

using Event = hrm::AuditedGate::Event;

struct Tally {
  double requests = 0, accepted = 0, wrong = 0, audits = 0;
  double error() const { return accepted > 0 ? 100 * wrong / accepted : 0; }
  double share() const { return requests > 0 ? 100 * accepted / requests : 0; }
};

struct Course {
  Tally before, soon, rest;
  std::size_t false_alarms = 0;  ///< before the shift
  bool certified = false;        ///< before the stream began
  std::size_t lag = 0;           ///< from the shift to where a certificate is in force again; 0: never
  std::size_t first_alarm = 0;   ///< requests after the shift; 0: none
  bool kept = false;  ///< certified when the shift came, and what was accepted since as good as promised
};

/// One stream, as the daemon would go through it.
class Life {
 public:
  Life(const Stream& stream, std::uint64_t seed)
      : gate_({.target_error = stream.target_error, .delta = 0.05}),
        audited_(stream.audited),
        random_(seed) {}

  std::size_t warm_up(const std::vector<Exit>& pool) {
    std::size_t audits = 0;
    while (gate_.judge()->rule != hrm::Judge::Rule::certified && audits < 8000) audit(any(pool)), ++audits;
    return audits;
  }
  const Exit& any(const std::vector<Exit>& pool) { return pool[random_() % pool.size()]; }
  Event request(const Exit& exit, Tally& tally) {
    const auto judge = gate_.judge();
    const bool certified = judge->rule == hrm::Judge::Rule::certified;
    const bool taken = certified && judge->gate.score(exit.signals) >= judge->threshold;
    ++tally.requests, tally.accepted += taken;
    tally.wrong += taken && exit.low != exit.high;
    const double share = gate_.audit_share(audited_);  // before its score counts
    const std::size_t doubts = gate_.doubts();
    const Event event = certified ? gate_.answered(judge->gate.score(exit.signals)) : Event::none;
    if (double(random_() >> 11) * 0x1p-53 >= share) return event;
    ++tally.audits;
    const Event then = audit(exit, doubts);
    return event == Event::none ? then : event;
  }
  bool in_force() const { return gate_.judge()->rule == hrm::Judge::Rule::certified; }

 private:
  Event audit(const Exit& exit, std::optional<std::size_t> doubts = {}) {
    return gate_.audited(exit.signals, exit.low != exit.high, doubts);
  }

  hrm::AuditedGate gate_;
  double audited_;
  std::mt19937_64 random_;
};

Course course(const Stream& stream, std::uint64_t seed) {
  Life life(stream, seed);
  Course course;
  life.warm_up(stream.before);
  course.certified = life.in_force();
  for (std::size_t i = 0; i < kHalf; ++i) {
    const Event event = life.request(life.any(stream.before), course.before);
    course.false_alarms += event == Event::alarm || event == Event::given_up;
  }
  const bool in_force = life.in_force();
  for (std::size_t i = 0; i < kHalf; ++i) {
    const bool was = life.in_force();
    // A ramp in order, each place of it as many times as it takes.
    const std::size_t size = stream.after.size();
    const Exit& exit =
        stream.ramp ? stream.after[std::min(size - 1, i * size / kHalf)] : life.any(stream.after);
    const Event event = life.request(exit, i < kSoon ? course.soon : course.rest);
    if ((event == Event::alarm || event == Event::given_up) && course.first_alarm == 0)
      course.first_alarm = i + 1;
    const bool counts = !stream.ramp || course.first_alarm > 0;
    if (!was && life.in_force() && course.lag == 0 && counts) course.lag = i + 1;
  }
  const double wrong = course.soon.wrong + course.rest.wrong;
  course.kept = in_force && wrong <= stream.target_error * (course.soon.accepted + course.rest.accepted);
  return course;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

void measure_stream(const Stream& stream, Verdicts& verdicts) {
  std::vector<double> alarm, lag, errors[3], shares[3], audits[3];
  constexpr double kNever = 1e9;
  std::size_t alarmed = 0, never = 0, late = 0, falsely = 0;
  for (std::uint64_t seed = 1; seed <= kStreams; ++seed) {
    const Course one = course(stream, seed);
    const Tally* const parts[] = {&one.before, &one.soon, &one.rest};
    for (std::size_t part = 0; part < 3; ++part) {
      errors[part].push_back(parts[part]->error());
      shares[part].push_back(parts[part]->share());
      audits[part].push_back(100 * parts[part]->audits / parts[part]->requests);
    }
    falsely += one.false_alarms > 0;
    if (one.first_alarm > 0) ++alarmed, alarm.push_back(double(one.first_alarm));
    // What comes slowly has no moment from which on to count, but that of the alarm. A certificate that was
    // never ended, and held, is one all the time.
    const std::size_t from = stream.ramp ? one.first_alarm : 0;
    const bool held = one.first_alarm == 0 && one.kept;
    lag.push_back(held ? 0 : one.lag == 0 ? kNever : double(one.lag - from));
    never += lag.back() == kNever;
    late += lag.back() > kSoon;
  }
  const auto percent = [](std::size_t part) { return 100 * double(part) / kStreams; };
  std::printf(
      "%-34s accepted %5.1f | %5.1f | %5.1f %%, of these not as high %5.2f | %5.2f | %5.2f %%, audited %.1f "
      "| %.1f | "
      "%.1f %%; alarm before in %.1f %%, then in %5.1f %% after %4.0f, certified anew after %4.0f%s, not "
      "within %zu "
      "requests in %5.1f %%, never in %5.1f %%\n",
      stream.name.c_str(), median(shares[0]), median(shares[1]), median(shares[2]), median(errors[0]),
      median(errors[1]), median(errors[2]), median(audits[0]), median(audits[1]), median(audits[2]),
      percent(falsely), percent(alarmed), median(alarm), median(lag), stream.ramp ? " more" : "", kSoon,
      percent(late), percent(never));
  if (2 * alarmed > kStreams)
    verdicts.at_most(stream.name + ": requests from the " + (stream.ramp ? "alarm" : "shift") +
                         " to a new certificate, median",
                     median(lag), double(kSoon), "");
  else
    verdicts.at_most(
        stream.name + ": nothing to certify anew; not as high, of what is accepted after the shift",
        std::max(median(errors[1]), median(errors[2])), 100 * stream.target_error);
}

}  // namespace dormouse::bench
