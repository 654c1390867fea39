#include <algorithm>
#include <cstdio>
#include <fstream>

#include "hrm/replay.h"
#include "tests/bench/router/parts.h"

namespace dormouse::bench {
namespace {

using hrm::CertifiedOutcome;
using hrm::Replay;

constexpr std::size_t kSplits = 1000;

/// Against what an audit holds the cheap answer: the high path's, which is all that the daemon can know, or
/// the truth.
enum class Against { high, truth };

hrm::TracedRequest traced(const Exit& exit, Cheap cheap, Against against, History history) {
  hrm::TracedRequest request;
  request.signals = cheap == Cheap::hybrid ? exit.hybrid_signals : exit.signals;
  if (cheap == Cheap::alone)
    for (std::size_t i = 3; i <= hrm::kNovelty; ++i) request.signals[i] = 0;
  if (history == History::untold) request.signals[hrm::kAnswer] = 0;
  const std::uint32_t answer = cheap == Cheap::hybrid ? exit.hybrid : exit.low;
  request.low_right = answer == exit.truth;
  request.refuted = answer != (against == Against::high ? exit.high : exit.truth);
  request.high_right = exit.high == exit.truth;
  request.low_us = 0, request.high_us = 1;
  return request;
}

Replay replay_of(const Recorded& set, Cheap cheap, double target_error, std::size_t audits,
                 Against against = Against::high, History history = History::told) {
  std::vector<hrm::TracedRequest> trace;
  for (const Exit& exit : set.lessons) trace.push_back(traced(exit, cheap, against, history));
  for (const Exit& exit : set.test) trace.push_back(traced(exit, cheap, against, history));
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

/// In draws with replacement, of all requests; in splits, of those that were not audited.
void print_broken(const CertifiedOutcome& outcome) {
  for (const std::size_t broken : {outcome.broken, outcome.violated})
    std::printf("   %.3f [%.3f, %.3f]", double(broken) / kSplits, hrm::lower_limit(broken, kSplits, 0.025),
                hrm::upper_limit(broken, kSplits, 0.025));
  std::printf("\n");
}

void print(const char* way, const CertifiedOutcome& outcome, const Recorded& set, Cheap cheap) {
  const double dear = 1 - outcome.mean.accepted;
  print(way, outcome.mean, low_macs(set, cheap) + dear, low_time(set, cheap) + dear);
  print_broken(outcome);
}

}  // namespace

void measure_paths(const Recorded& set, const Goal& goal, Verdicts& verdicts) {
  std::printf(
      "\n%s: low %.0f kMAC, memory %.0f kMAC, high %.0f kMAC; %.1f µs the low model, %.1f µs with memory, "
      "%.1f µs high\n",
      set.name().c_str(), set.macs.low / 1e3, set.macs.memory / 1e3, set.macs.high / 1e3, set.times.model,
      set.times.low, set.times.high);
  std::printf("%-34s %8s %8s %9s %8s %8s   %s\n", "% (compute as MACs, as time)", "accepted", "refuted",
              "accuracy", "MACs", "time", "broken promises (95 %)   of the rest");
  const Replay alone = replay_of(set, Cheap::alone, goal.target_error, goal.audits);
  const Replay remembering = replay_of(set, Cheap::remembering, goal.target_error, goal.audits);
  const Replay hybrid = replay_of(set, Cheap::hybrid, goal.target_error, goal.audits);
  print("confidence, certified", alone.confidence, set, Cheap::alone);
  print("gate without memory", alone.gate, set, Cheap::alone);
  print("gate with memory", remembering.gate, set, Cheap::remembering);
  print("gate of the mixed answer", hybrid.gate, set, Cheap::hybrid);
  const auto unaware = [&](Cheap cheap) {
    return replay_of(set, cheap, goal.target_error, goal.audits, Against::high, History::untold).gate;
  };
  print("without memory, without history", unaware(Cheap::alone), set, Cheap::alone);
  print("with memory, without history", unaware(Cheap::remembering), set, Cheap::remembering);
  const auto plain = [&](const char* way, const hrm::Outcome& outcome, double macs, double time) {
    print(way, outcome, macs, time);
    std::printf("\n");
  };
  const CertifiedOutcome& judged = goal.cheap == Cheap::alone         ? alone.gate
                                   : goal.cheap == Cheap::remembering ? remembering.gate
                                                                      : hybrid.gate;
  const double dear = 1 - judged.mean.accepted;
  const double low = low_macs(set, Cheap::alone), low_us = low_time(set, Cheap::alone);
  const hrm::Outcome lot = goal.cheap == Cheap::alone         ? alone.random
                           : goal.cheap == Cheap::remembering ? remembering.random
                                                              : hybrid.random;
  plain("by lot, as often as is held to", lot, low_macs(set, goal.cheap) + dear,
        low_time(set, goal.cheap) + dear);
  plain("always low", alone.always_low, low, low_us);
  plain("always mixed", hybrid.always_low, low_macs(set, Cheap::hybrid), low_time(set, Cheap::hybrid));
  plain("always high", alone.always_high, 1, 1);
  const double asked = 1 - alone.oracle.accepted;
  plain("oracle", alone.oracle, low + asked, low_us + asked);

  std::printf("promises %6s %8s %8s %8s %8s %9s %8s   %s\n", "audits", "against", "promised", "accepted",
              "refuted", "accuracy", "MACs", "broken (95 %)            of the rest");
  std::size_t worst = 0, worst_rest = 0;
  const auto judge = [&](const Replay& one) {
    worst = std::max({worst, one.gate.broken, one.confidence.broken});
    worst_rest = std::max({worst_rest, one.gate.violated, one.confidence.violated});
  };
  for (const Replay* one : {&alone, &remembering, &hybrid}) judge(*one);
  for (const Against against : {Against::high, Against::truth})
    for (const std::size_t audits : {std::size_t{300}, std::size_t{1000}, std::size_t{4000}})
      for (const double error :
           {goal.target_error / 2, goal.target_error, 2 * goal.target_error, 4 * goal.target_error}) {
        if (2 * audits > set.test.size()) continue;
        const Replay one = replay_of(set, goal.cheap, error, audits, against);
        judge(one);
        std::printf("         %6zu %8s %8.2f %8.2f %8.2f %9.2f %8.1f", audits,
                    against == Against::high ? "high" : "truth", 100 * error, 100 * one.gate.mean.accepted,
                    100 * one.gate.mean.error, 100 * one.gate.mean.accuracy,
                    100 * (low_macs(set, goal.cheap) + 1 - one.gate.mean.accepted));
        print_broken(one.gate);
      }
  verdicts.at_most(set.name() + ": compute of the high path's, MACs",
                   100 * (low_macs(set, goal.cheap) + dear), goal.compute);
  std::printf("      the same in time: %.3g %%\n", 100 * (low_time(set, goal.cheap) + dear));
  verdicts.at_most(set.name() + ": below the high path",
                   100 * (alone.always_high.accuracy - judged.mean.accuracy), goal.points, " points");
  verdicts.at_most(set.name() + ": promises broken, in the worst of all settings",
                   100.0 * double(worst) / kSplits, 5);
  std::printf(
      "      [%.3g, %.3g]; of the requests left over by a split alone, which have noise of their own: %.3g "
      "%% [%.3g, %.3g]\n",
      100 * hrm::lower_limit(worst, kSplits, 0.025), 100 * hrm::upper_limit(worst, kSplits, 0.025),
      100.0 * double(worst_rest) / kSplits, 100 * hrm::lower_limit(worst_rest, kSplits, 0.025),
      100 * hrm::upper_limit(worst_rest, kSplits, 0.025));
}

void measure_cold_start(const Recorded& set, Verdicts& verdicts) {
  std::printf("\n%s: what so many audits buy at 2 %%\n", set.name().c_str());
  double at_300 = 0;
  for (const std::size_t audits : {100, 150, 200, 300, 500, 1000}) {
    const Replay one = replay_of(set, Cheap::alone, 0.02, audits);
    const Replay remembering = replay_of(set, Cheap::remembering, 0.02, audits);
    std::printf(
        "%6zu audits: certified in %5.1f %%, accepted %5.1f %%, broken %.3f; with memory's signals %5.1f %%, "
        "%5.1f %%, %.3f\n",
        audits, 100 * double(one.gate.certified) / kSplits, 100 * one.gate.mean.accepted,
        double(one.gate.broken) / kSplits, 100 * double(remembering.gate.certified) / kSplits,
        100 * remembering.gate.mean.accepted, double(remembering.gate.broken) / kSplits);
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
