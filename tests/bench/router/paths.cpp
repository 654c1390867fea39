#include <cstdio>
#include <fstream>

#include <algorithm>
#include "hrm/replay.h"
#include "tests/bench/router/parts.h"

namespace dormouse::bench {
namespace {

using hrm::CertifiedOutcome;
using hrm::Replay;

constexpr std::size_t kSplits = 1000;

/// Which cheap answer a gate judges, and what it sees.
enum class Cheap { alone, remembering, hybrid };

hrm::TracedRequest traced(const Exit& exit, Cheap cheap) {
  hrm::TracedRequest request;
  request.signals = cheap == Cheap::hybrid ? exit.hybrid_signals : exit.signals;
  if (cheap == Cheap::alone)
    for (std::size_t i = 3; i < request.signals.size(); ++i) request.signals[i] = 0;
  const std::uint32_t answer = cheap == Cheap::hybrid ? exit.hybrid : exit.low;
  request.low_right = answer == exit.truth;
  request.refuted = answer != exit.high;  // all that the daemon can know
  request.high_right = exit.high == exit.truth;
  request.low_us = 0, request.high_us = 1;
  return request;
}

Replay replay_of(const Recorded& set, Cheap cheap, double target_error, std::size_t audits) {
  std::vector<hrm::TracedRequest> trace;
  for (const Exit& exit : set.lessons) trace.push_back(traced(exit, cheap));
  for (const Exit& exit : set.test) trace.push_back(traced(exit, cheap));
  return hrm::replay(trace, {.promise = {.target_error = target_error, .delta = 0.05},
                             .lessons = set.lessons.size(),
                             .audits = audits,
                             .splits = kSplits});
}

double low_macs(const Recorded& set, Cheap cheap) {
  return (set.macs.low + (cheap == Cheap::alone ? 0 : set.macs.memory)) / set.macs.high;
}
double low_time(const Recorded& set, Cheap cheap) {
  return (cheap == Cheap::alone ? set.times.model : set.times.low) / set.times.high;
}

void print(const char* way, const hrm::Outcome& outcome, double macs, double time) {
  std::printf("%-34s %8.2f %8.2f %9.2f %8.1f %8.1f", way, 100 * outcome.accepted, 100 * outcome.error,
              100 * outcome.accuracy, 100 * macs, 100 * time);
}

void print(const char* way, const CertifiedOutcome& outcome, const Recorded& set, Cheap cheap) {
  const double dear = 1 - outcome.mean.accepted;
  print(way, outcome.mean, low_macs(set, cheap) + dear, low_time(set, cheap) + dear);
  std::printf("   %.3f [%.3f, %.3f]\n", double(outcome.violated) / kSplits,
              hrm::lower_limit(outcome.violated, kSplits, 0.025),
              hrm::upper_limit(outcome.violated, kSplits, 0.025));
}

}  // namespace

void measure_paths(const Recorded& set, const Goal& goal, Verdicts& verdicts) {
  std::printf("\n%s: low %.0f kMAC, memory %.0f kMAC, high %.0f kMAC; %.1f µs the low model, %.1f µs with memory, "
              "%.1f µs high\n",
              set.name().c_str(), set.macs.low / 1e3, set.macs.memory / 1e3, set.macs.high / 1e3, set.times.model,
              set.times.low, set.times.high);
  std::printf("%-34s %8s %8s %9s %8s %8s   %s\n", "% (compute as MACs, as time)", "accepted", "refuted", "accuracy",
              "MACs", "time", "broken promises (95 %)");
  const Replay alone = replay_of(set, Cheap::alone, goal.target_error, goal.audits);
  const Replay remembering = replay_of(set, Cheap::remembering, goal.target_error, goal.audits);
  const Replay hybrid = replay_of(set, Cheap::hybrid, goal.target_error, goal.audits);
  print("confidence, certified", alone.confidence, set, Cheap::alone);
  print("gate without memory", alone.gate, set, Cheap::alone);
  print("gate with memory", remembering.gate, set, Cheap::remembering);
  print("gate of the mixed answer", hybrid.gate, set, Cheap::hybrid);
  const auto plain = [&](const char* way, const hrm::Outcome& outcome, double macs, double time) {
    print(way, outcome, macs, time);
    std::printf("\n");
  };
  const double dear = 1 - remembering.gate.mean.accepted;
  const double low = low_macs(set, Cheap::alone), low_us = low_time(set, Cheap::alone);
  plain("by lot, as often", remembering.random, low + dear, low_us + dear);
  plain("always low", alone.always_low, low, low_us);
  plain("always mixed", hybrid.always_low, low_macs(set, Cheap::hybrid), low_time(set, Cheap::hybrid));
  plain("always high", alone.always_high, 1, 1);
  const double asked = 1 - alone.oracle.accepted;
  plain("oracle", alone.oracle, low + asked, low_us + asked);

  std::printf("promises %6s %8s %8s %8s %9s %8s %8s\n", "audits", "promised", "accepted", "refuted", "accuracy",
              "MACs", "broken");
  std::size_t worst = std::max({alone.gate.violated, remembering.gate.violated, hybrid.gate.violated,
                                alone.confidence.violated});
  for (const std::size_t audits : {std::size_t{300}, std::size_t{1000}, goal.audits})
    for (const double error : {goal.target_error / 2, goal.target_error, 2 * goal.target_error}) {
      if (audits >= set.test.size()) continue;
      const Replay one = replay_of(set, Cheap::remembering, error, audits);
      worst = std::max({worst, one.gate.violated, one.confidence.violated});
      std::printf("         %6zu %8.2f %8.2f %8.2f %9.2f %8.1f %8.3f\n", audits, 100 * error,
                  100 * one.gate.mean.accepted, 100 * one.gate.mean.error, 100 * one.gate.mean.accuracy,
                  100 * (low_macs(set, Cheap::remembering) + 1 - one.gate.mean.accepted),
                  double(one.gate.violated) / kSplits);
    }
  const CertifiedOutcome& judged = remembering.gate;
  verdicts.at_most(set.name() + ": compute of the high path's, MACs",
                   100 * (low_macs(set, Cheap::remembering) + dear), goal.compute);
  verdicts.at_most(set.name() + ": the same in time", 100 * (low_time(set, Cheap::remembering) + dear),
                   goal.compute);
  verdicts.at_most(set.name() + ": below the high path",
                   100 * (alone.always_high.accuracy - judged.mean.accuracy), goal.points, " points");
  verdicts.at_most(set.name() + ": promises broken, in the worst of all settings", 100.0 * double(worst) / kSplits,
                   5);
}

void measure_cold_start(const Recorded& set, Verdicts& verdicts) {
  std::printf("\n%s: what so many audits buy at 2 %%\n", set.name().c_str());
  double at_300 = 0;
  for (const std::size_t audits : {100, 150, 200, 300, 500, 1000}) {
    const Replay one = replay_of(set, Cheap::remembering, 0.02, audits);
    std::printf("%6zu audits: certified in %5.1f %%, accepted %5.1f %%, broken %.3f\n", audits,
                100 * double(one.gate.certified) / kSplits, 100 * one.gate.mean.accepted,
                double(one.gate.violated) / kSplits);
    if (audits == 300) at_300 = 100 * one.gate.mean.accepted;
  }
  verdicts.at_least(set.name() + ": accepted after 300 audits at 2 %", at_300, 80);
}

std::vector<Exit> cached_exits(const std::filesystem::path& file, const Device& device,
                               const learning::Dataset& data) {
  std::vector<Exit> exits(data.size());
  const auto bytes = static_cast<std::streamsize>(exits.size() * sizeof(Exit));
  std::error_code absent;
  if (std::filesystem::file_size(file, absent) == static_cast<std::uintmax_t>(bytes)) {
    std::ifstream(file, std::ios::binary).read(reinterpret_cast<char*>(exits.data()), bytes);
    return exits;
  }
  exits = device.exits(data);
  std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(exits.data()), bytes);
  return exits;
}

}  // namespace dormouse::bench
