#include "daemon/verbs/halting.h"

#include <algorithm>
#include <cstdio>

#include "drivers/all_drivers.h"
#include "engine/planner_keys.h"
#include "hrm/halting.h"

namespace dormouse::daemon {
namespace {

using learning::PuzzleSource;

constexpr std::size_t kTrials = 2000;
constexpr std::uint64_t kSeed = 0x68616c74;  // of no training's or evaluation's puzzles

}  // namespace

std::optional<hrm::Certificate> calibrate_halting(engine::Graph& step, const PuzzleSource& puzzles,
                                                  const hrm::Promise& promise) {
  std::erase_if(step.metadata, [](const auto& entry) {
    return entry.first == engine::kHaltKey || entry.first == engine::kHaltTestKey;
  });
  const std::size_t count =
      puzzles.generated() ? kTrials : std::min(kTrials, puzzles.size(PuzzleSource::Part::heldout));
  if (count == 0) return std::nullopt;
  const hrm::Planner planner(step, drivers::all_drivers(1, drivers::cache_folder()));
  std::vector<hrm::HaltTrial> trials;
  for (std::size_t i = 0; i < count; ++i) {
    const learning::Puzzle puzzle = puzzles.at(PuzzleSource::Part::heldout, kSeed, i);
    if (!puzzle.answer.empty()) trials.push_back(hrm::try_halting(planner, puzzle.input, puzzle.answer));
  }
  const hrm::Certificate certificate = hrm::certify_halting(trials, promise);
  if (certificate.threshold) {
    char number[32];
    std::snprintf(number, sizeof number, "%.9g", double{*certificate.threshold});
    step.metadata.emplace_back(engine::kHaltKey, number);
  }
  step.metadata.emplace_back(engine::kHaltTestKey, halting_text(certificate, promise));
  return certificate;
}

std::string halting_text(const std::optional<hrm::Certificate>& certificate, const hrm::Promise& promise) {
  if (!certificate) return "its halting head was not tested, for want of held-out puzzles";
  char text[256];
  if (!certificate->threshold) {
    std::snprintf(
        text, sizeof text,
        "its halting head is not believed: none of its probabilities keeps errors within %g%% in %zu "
        "held-out puzzles",
        100 * promise.target_error, certificate->audits);
    return text;
  }
  std::snprintf(
      text, sizeof text,
      "its halting head is believed from %.9g on: of %zu held-out puzzles it stops at %zu, %zu of them "
      "wrong; at most %g%% are, with %g%% confidence",
      double{*certificate->threshold}, certificate->audits, certificate->accepted, certificate->errors,
      100 * promise.target_error, 100 * (1 - promise.delta));
  return text;
}

}  // namespace dormouse::daemon
