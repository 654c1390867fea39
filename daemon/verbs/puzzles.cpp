#include "daemon/verbs/puzzles.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>

#include "daemon/client/ask.h"
#include "daemon/client/tensor_message.h"
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
  hrm::PlanBudget budget{.steps = arguments.value("steps") ? whole(arguments, "steps", 1, 1) : 0};
  budget.verify = !arguments.flag("unverified");
  constexpr auto kIsTime = [](double ms) { return ms > 0 && ms < 1e9; };
  if (const auto ms = arguments.number("time", "milliseconds above 0", kIsTime))
    budget.time = std::chrono::duration_cast<std::chrono::nanoseconds>(Milliseconds(*ms));
  return budget;
}

constexpr std::string_view kProvisional = "provisional";  // how an answer ends that the daemon goes on with

/// How many puzzles ended in one way.
struct Halted {
  std::size_t puzzles = 0, wrong = 0;
};

std::string_view reason(std::string_view halt) {
  if (halt == word(Halt::verified)) return "verified";
  if (halt == word(Halt::sure)) return "believed, not verified";
  if (halt == word(Halt::stable)) return "gave up: no other answer came";
  return "gave up: the budget is over";
}

/// Throws UsageError naming an option that is for planners alone.
void refuse_options(const Arguments& arguments) {
  for (const std::string_view name : {"steps", "time", "unverified", "seed", "count"})
    if (arguments.flag(name))
      throw UsageError{"--" + std::string(name) + " is for planners of puzzles, and '" +
                       arguments.positional(0, "MODEL") + "' is none"};
}

/// The kind of puzzle that a model of the daemon is asked, if it is.
const learning::PuzzleKind* kind_there(HttpClient& client, const std::string& model) {
  const auto metadata = ask(client, get("/v2/models/" + percent_encode(model)));
  const auto* parameters = metadata.as_object().if_contains("parameters");
  const auto* puzzle = parameters ? parameters->as_object().if_contains("puzzle") : nullptr;
  if (!puzzle) return nullptr;
  const auto found = std::ranges::find(learning::puzzle_kinds(), std::string_view(puzzle->as_string()),
                                       &learning::PuzzleKind::name);
  return found == learning::puzzle_kinds().end() ? nullptr : &*found;
}

}  // namespace

std::optional<NamedPlanner> NamedPlanner::find(const Arguments& arguments,
                                               std::optional<std::chrono::milliseconds> time) {
  auto planner = planner_of(arguments, time);
  if (!planner) refuse_options(arguments);
  return planner;
}

std::optional<NamedPlanner> NamedPlanner::planner_of(const Arguments& arguments,
                                                     std::optional<std::chrono::milliseconds> time) {
  const std::string& model = arguments.positional(0, "MODEL");
  const hrm::PlanBudget budget = budget_of(arguments);
  if (names_file(model)) {
    if (!model.ends_with(".onnx")) return std::nullopt;
    engine::Graph graph = engine::read_onnx(model);
    if (!hrm::Planner::is_step(graph)) return std::nullopt;
    const auto planner = std::make_shared<hrm::Planner>(
        std::move(graph),
        drivers_of(arguments, {.threads = threads_of(arguments), .packed = drivers::cache_folder()}));
    NamedPlanner named(arguments, learning::puzzle_called(planner->puzzle()));
    named.solve_ = [planner, budget](const Puzzle& puzzle) {
      hrm::Thought thought = planner->begin(puzzle.input);
      const auto begun = std::chrono::steady_clock::now();
      const Halt why = planner->think(thought, budget);
      const double ms = Milliseconds(std::chrono::steady_clock::now() - begun).count();
      return Solved{std::move(thought.answer), std::string(word(why)), thought.steps, thought.verified, ms};
    };
    return named;
  }
  const auto client = std::make_shared<HttpClient>(arguments.socket());
  const learning::PuzzleKind* const kind = kind_there(*client, model);
  if (!kind) return std::nullopt;
  if (!budget.verify) throw UsageError{"--unverified is for MODEL.onnx: the daemon verifies what it can"};
  boost::json::object parameters;
  if (budget.steps > 0) parameters["dormouse_steps"] = budget.steps;
  if (budget.time != std::chrono::nanoseconds::max())
    time = std::chrono::ceil<std::chrono::milliseconds>(budget.time);
  if (time) parameters["dormouse_time_ms"] = time->count();
  NamedPlanner named(arguments, *kind);
  named.solve_ = [client, parameters,
                  target = "/v2/models/" + percent_encode(model) + "/infer"](const Puzzle& puzzle) {
    engine::Shape shape{1};
    for (const std::int64_t extent : puzzle.input.shape()) shape.push_back(extent);
    boost::json::object json;
    json["parameters"] = parameters;
    const TensorMessage message = pack(std::move(json), "x", puzzle.input.reshaped(shape));
    const auto reply = parse_json(ask_text(*client, message.call(target)));
    const boost::json::object& told = reply.at("parameters").as_object();
    Solved solved{{},
                  std::string(told.at("dormouse_halt").as_string()),
                  told.at("dormouse_steps").to_number<std::int64_t>(),
                  false,
                  told.at("dormouse_milliseconds").to_number<double>()};
    for (const auto& output : reply.at("outputs").as_array())
      if (output.at("name") == "answer")
        for (const auto& cell : output.at("data").as_array())
          solved.answer.push_back(cell.to_number<std::uint8_t>());
    if (const auto* verified = told.if_contains("dormouse_verified")) solved.verified = verified->as_bool();
    solved.provisional = told.contains("dormouse_provisional");
    if (const auto* episode = told.if_contains("dormouse_episode_id"))
      solved.episode = episode->to_number<std::int64_t>();
    return solved;
  };
  return named;
}

void NamedPlanner::print(const Puzzle& puzzle, const Solved& solved) const {
  const std::string drawing = kind_.draw(puzzle.input, solved.answer);
  if (arguments_.json()) {
    boost::json::object object{{"answer", drawing},           {"halt", solved.halt},
                               {"verified", solved.verified}, {"steps", solved.steps},
                               {"milliseconds", solved.ms},   {"provisional", solved.provisional}};
    if (solved.episode) object["episode"] = *solved.episode;
    std::cout << boost::json::serialize(object) << "\n";
    return;
  }
  char line[96];
  std::snprintf(line, sizeof line, "%lld step%s, %.1f ms: ", static_cast<long long>(solved.steps),
                solved.steps == 1 ? "" : "s", solved.ms);
  std::cout << drawing << line;
  if (solved.provisional && solved.episode)
    std::cout << "provisional, and thought about further: dormouse why " << *solved.episode << "\n\n";
  else
    std::cout << reason(solved.halt) << "\n\n";
}

int NamedPlanner::infer() const {
  const auto seed = static_cast<std::uint64_t>(whole(arguments_, "seed", 0, 1));
  for (std::size_t i = 1; i < arguments_.positional().size(); ++i) {
    const PuzzleSource source(kind_, arguments_.positional()[i]);
    std::vector<Puzzle> puzzles = source.all();
    if (source.generated()) puzzles = {source.at(PuzzleSource::Part::heldout, seed, 0)};
    for (const Puzzle& puzzle : puzzles) print(puzzle, solve_(puzzle));
  }
  return kOk;
}

int NamedPlanner::evaluate() const {
  const PuzzleSource source(kind_, arguments_.positional(1, "DATA"));
  const auto seed = static_cast<std::uint64_t>(whole(arguments_, "seed", 0, 2));
  const auto count = source.generated() ? static_cast<std::size_t>(whole(arguments_, "count", 1, 1000))
                                        : source.all().size();
  std::size_t right = 0;
  double steps = 0;
  std::vector<double> times;
  std::map<std::string, Halted> halts;
  for (std::size_t i = 0; i < count; ++i) {
    const Puzzle puzzle =
        source.generated() ? source.at(PuzzleSource::Part::heldout, seed, i) : source.all()[i];
    const Solved solved = solve_(puzzle);
    const bool exact = puzzle.answer.empty() ? solved.verified : puzzle.answer == solved.answer;
    right += exact;
    steps += static_cast<double>(solved.steps);
    times.push_back(solved.ms);
    Halted& so = halts[solved.provisional ? std::string(kProvisional) : solved.halt];
    ++so.puzzles, so.wrong += !exact;
  }
  std::ranges::sort(times);
  const double share = static_cast<double>(right) / static_cast<double>(count);
  const double mean = steps / static_cast<double>(count), p50 = times[count / 2],
               p95 = times[count * 95 / 100];
  if (arguments_.json()) {
    boost::json::object stopped, wrong;
    for (const auto& [why, so] : halts) stopped[why] = so.puzzles, wrong[why] = so.wrong;
    std::cout << boost::json::serialize(boost::json::object{{"puzzles", count},
                                                            {"exact", share},
                                                            {"steps", mean},
                                                            {"p50_ms", p50},
                                                            {"p95_ms", p95},
                                                            {"halts", std::move(stopped)},
                                                            {"wrong", std::move(wrong)}})
              << "\n";
    return kOk;
  }
  char line[160];
  std::snprintf(line, sizeof line,
                "%.1f%% of %zu puzzles exactly; %.1f steps on average, p50 %.2f ms, p95 %.2f ms\n",
                100 * share, count, mean, p50, p95);
  std::cout << line << "stopped:";
  for (const auto& [why, so] : halts) {
    std::cout << " " << why << " " << so.puzzles;
    if (so.wrong > 0) std::cout << " (" << so.wrong << (why == kProvisional ? " not yet right)" : " wrong)");
  }
  std::cout << "\n";
  return kOk;
}

}  // namespace dormouse::daemon
