#include "daemon/verbs/puzzles.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>

#include "daemon/verbs/infer_local.h"
#include "daemon/verbs/print.h"
#include "daemon/verbs/resources.h"
#include "drivers/all_drivers.h"
#include "engine/formats/onnx.h"
#include "hrm/planner.h"
#include "learning/puzzle.h"

namespace dormouse::daemon {
namespace {

using hrm::Halt;
using learning::Puzzle;
using learning::PuzzleSource;
using Milliseconds = std::chrono::duration<double, std::milli>;

std::int64_t whole(const Arguments& arguments, std::string_view name, std::int64_t least,
                   std::int64_t fallback) {
  const std::int64_t value = arguments.integer(name).value_or(fallback);
  if (value < least)
    throw UsageError{"--" + std::string(name) + " takes a number from " + std::to_string(least)};
  return value;
}

hrm::PlanBudget budget_of(const Arguments& arguments) {
  hrm::PlanBudget budget{.steps = whole(arguments, "steps", 0, 0)};
  constexpr auto kIsTime = [](double ms) { return ms > 0 && ms < 1e9; };
  if (const auto ms = arguments.number("time", "milliseconds above 0", kIsTime))
    budget.time = std::chrono::duration_cast<std::chrono::nanoseconds>(Milliseconds(*ms));
  return budget;
}

struct Solved {
  hrm::Thought thought;
  Halt why{};
  double ms = 0;
};

Solved solve(const hrm::Planner& planner, const Puzzle& puzzle, const hrm::PlanBudget& budget) {
  Solved solved{planner.begin(puzzle.input)};
  const auto begun = std::chrono::steady_clock::now();
  solved.why = planner.think(solved.thought, budget);
  solved.ms = Milliseconds(std::chrono::steady_clock::now() - begun).count();
  return solved;
}

std::string_view reason(Halt why) {
  switch (why) {
    case Halt::verified:
      return "verified";
    case Halt::sure:
      return "believed, not verified";
    case Halt::stable:
      return "gave up: no other answer came";
    default:
      return "gave up: the budget is over";
  }
}

void print_one(const learning::PuzzleKind& kind, const Puzzle& puzzle, const Solved& solved, bool json) {
  const std::string drawing = kind.draw(puzzle.input, solved.thought.answer);
  if (json) {
    std::cout << boost::json::serialize(boost::json::object{{"answer", drawing},
                                                            {"halt", hrm::word(solved.why)},
                                                            {"verified", solved.thought.verified},
                                                            {"steps", solved.thought.steps},
                                                            {"milliseconds", solved.ms}})
              << "\n";
    return;
  }
  char line[96];
  std::snprintf(line, sizeof line, "%lld steps, %.1f ms: ", static_cast<long long>(solved.thought.steps),
                solved.ms);
  std::cout << drawing << line << reason(solved.why) << "\n\n";
}

hrm::Planner planner_of(const Arguments& arguments, std::size_t threads) {
  return {engine::read_onnx(arguments.positional(0, "MODEL")),
          drivers_of(arguments, {.threads = threads, .packed = drivers::cache_folder()})};
}

}  // namespace

bool names_planner(const std::string& model) {
  return model.ends_with(".onnx") && hrm::Planner::is_step(engine::read_onnx(model));
}

int infer_puzzles(const Arguments& arguments) {
  const hrm::Planner planner = planner_of(arguments, 1);
  const learning::PuzzleKind& kind = learning::puzzle_called(planner.puzzle());
  const hrm::PlanBudget budget = budget_of(arguments);
  const auto seed = static_cast<std::uint64_t>(whole(arguments, "seed", 0, 1));
  for (std::size_t i = 1; i < arguments.positional().size(); ++i) {
    const PuzzleSource source(kind, arguments.positional()[i]);
    std::vector<Puzzle> puzzles = source.all();
    if (source.generated()) puzzles = {source.at(PuzzleSource::Part::heldout, seed, 0)};
    for (const Puzzle& puzzle : puzzles)
      print_one(kind, puzzle, solve(planner, puzzle, budget), arguments.json());
  }
  return kOk;
}

int evaluate_puzzles(const Arguments& arguments) {
  const hrm::Planner planner = planner_of(arguments, threads_of(arguments));
  const PuzzleSource source(learning::puzzle_called(planner.puzzle()), arguments.positional(1, "DATA"));
  const hrm::PlanBudget budget = budget_of(arguments);
  const auto seed = static_cast<std::uint64_t>(whole(arguments, "seed", 0, 2));
  const auto count =
      source.generated() ? static_cast<std::size_t>(whole(arguments, "count", 1, 1000)) : source.all().size();
  std::size_t right = 0;
  double steps = 0;
  std::vector<double> times;
  std::map<std::string, std::int64_t> halts;
  for (std::size_t i = 0; i < count; ++i) {
    const Puzzle puzzle =
        source.generated() ? source.at(PuzzleSource::Part::heldout, seed, i) : source.all()[i];
    const Solved solved = solve(planner, puzzle, budget);
    right += puzzle.answer.empty() ? solved.thought.verified : puzzle.answer == solved.thought.answer;
    steps += static_cast<double>(solved.thought.steps);
    times.push_back(solved.ms);
    ++halts[std::string(hrm::word(solved.why))];
  }
  std::ranges::sort(times);
  const double share = static_cast<double>(right) / static_cast<double>(count);
  const double mean = steps / static_cast<double>(count), p50 = times[count / 2],
               p95 = times[count * 95 / 100];
  if (arguments.json()) {
    boost::json::object stopped;
    for (const auto& [why, times_so] : halts) stopped[why] = times_so;
    std::cout << boost::json::serialize(boost::json::object{{"puzzles", count},
                                                            {"exact", share},
                                                            {"steps", mean},
                                                            {"p50_ms", p50},
                                                            {"p95_ms", p95},
                                                            {"halts", std::move(stopped)}})
              << "\n";
    return kOk;
  }
  char line[160];
  std::snprintf(line, sizeof line,
                "%.1f%% of %zu puzzles exactly; %.1f steps on average, p50 %.2f ms, p95 %.2f ms\n",
                100 * share, count, mean, p50, p95);
  std::cout << line << "stopped:";
  for (const auto& [why, times_so] : halts) std::cout << " " << why << " " << times_so;
  std::cout << "\n";
  return kOk;
}

}  // namespace dormouse::daemon
