#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "config/text.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/graph_summary.h"
#include "learning/anomaly_spec.h"
#include "learning/families.h"
#include "learning/planner_spec.h"

namespace dormouse::daemon {
namespace {

using learning::TaskKind;

constexpr Option kOptions[] = {
    {"input", "SHAPE", "SAMPLES, SAMPLESxCHANNELS (128x6), or HEIGHTxWIDTHxCHANNELS of an image (28x28x1)"},
    {"output", "CLASSES",
     "how many, or their labels: walking,sitting; of other tasks the numbers: torque,power"},
    {"task", "TASK", "classification (the default), regression: numbers, or forecast: a series' next rows"},
    {"horizon", "ROWS", "that a forecast foretells; of the columns in --output, else of all that it sees"},
    {"columns", "A,B,…", "of a table, those that are the input (all)"},
    {"size", "SIZE", "small, medium (the default) or large"},
    {"seed", "N", "of the weights: the same one makes the same files (1)"},
    {"out", "FILE",
     "where the spec goes (FAMILY.yaml; of a planner maze.yaml or sudoku.yaml); its weights go beside it"},
    {"channels", "N", "of the stream that 'anomaly' watches (1)"},
    {"false-alarms", "SHARE", "of samples at which 'anomaly' may raise one in a usual stream (0.0001)"},
    {"puzzle", "KIND", "that a planner, 'hrm', solves: maze (the default) or sudoku"},
    {"force", "", "replace files that are there"}};

learning::ModelSize size_called(const std::string& word) {
  if (word == "small") return learning::ModelSize::small;
  if (word == "medium") return learning::ModelSize::medium;
  if (word == "large") return learning::ModelSize::large;
  throw UsageError{"--size takes small, medium or large"};
}

learning::TaskKind task_called(const std::string& name) {
  for (const TaskKind task : {TaskKind::classification, TaskKind::regression, TaskKind::forecast})
    if (word(task) == name) return task;
  throw UsageError{"--task takes classification, regression or forecast"};
}

std::string needed(const Arguments& arguments, std::string_view option) {
  if (const auto value = arguments.value(option)) return *value;
  throw UsageError{"--" + std::string(option) + " is missing"};
}

/// Throws UsageError for an option that the family does not take: `taken`, and those that all have.
void take_only(const Arguments& arguments, std::initializer_list<std::string_view> taken) {
  for (const Option& option : kOptions) {
    const bool always = option.name == "seed" || option.name == "out" || option.name == "force";
    if (always || !arguments.flag(option.name) || std::ranges::find(taken, option.name) != taken.end())
      continue;
    const std::string& family = arguments.positional(0, "FAMILY");
    throw UsageError{"--" + std::string(option.name) + " is not for '" + family + "'" +
                     (family == "hrm" ? ": --puzzle says what it is asked and answers" : "")};
  }
}

std::uint64_t seed_of(const Arguments& arguments) {
  const std::int64_t seed = arguments.integer("seed").value_or(1);
  if (seed < 0) throw UsageError{"--seed takes a number from 0"};
  return static_cast<std::uint64_t>(seed);
}

learning::ModelRequest request_of(const Arguments& arguments) {
  learning::ModelRequest request;
  learning::parse_input(needed(arguments, "input"), request);
  request.task = task_called(arguments.value_or("task", "classification"));
  if (request.task == TaskKind::forecast) {
    request.horizon = arguments.integer("horizon").value_or(0);
    if (request.horizon < 1) throw UsageError{"--horizon takes the number of rows that are foretold"};
  } else if (arguments.value("horizon")) {
    throw UsageError{"--horizon is of --task forecast"};
  }
  if (request.task != TaskKind::forecast || arguments.value("output"))
    learning::parse_outputs(needed(arguments, "output"), request);
  if (request.task == TaskKind::forecast && request.labels.empty() && request.outputs > 0)
    throw UsageError{"--output of a forecast names the columns that it foretells; without it, all"};
  if (const auto columns = arguments.value("columns")) request.columns = config::split_list(*columns);
  request.size = size_called(arguments.value_or("size", "medium"));
  request.seed = seed_of(arguments);
  return request;
}

/// No inputs and outputs to name, nothing to train: a stream teaches it.
int run_anomaly(const Arguments& arguments) {
  take_only(arguments, {"channels", "false-alarms"});
  learning::AnomalyOptions options;
  options.channels = arguments.integer("channels").value_or(1);
  constexpr auto kIsShare = [](double share) { return share > 0 && share < 1; };
  options.false_alarms =
      arguments.number("false-alarms", "a share such as 0.001", kIsShare).value_or(options.false_alarms);
  options.seed = seed_of(arguments);
  const std::filesystem::path path = arguments.value_or("out", "anomaly.yaml");
  learning::write_anomaly_spec(path, options, arguments.flag("force"));
  const std::uint64_t warm_up = learning::AnomalyDetector(options).warm_up();
  if (arguments.json())
    std::cout << boost::json::serialize(boost::json::object{{"spec", path.string()}, {"warm_up", warm_up}})
              << "\n";
  else
    std::cout << path.string() << ": needs no training. It gets used to a stream for " << warm_up
              << " samples. In the configuration:\nstreams:\n  - {name: " << path.stem().string()
              << ", model: " << path.string() << "}\n";
  return kOk;
}

/// What every family but those without training ends with. `data`: what to train it with.
int tell(const Arguments& arguments, const engine::Graph& graph, const std::filesystem::path& path,
         const std::string& data) {
  const GraphSummary summary = summarise(graph);
  const std::string weights = std::filesystem::path(path).replace_extension(".safetensors").string();
  if (arguments.json()) {
    boost::json::object result{
        {"spec", path.string()}, {"weights", weights}, {"parameters", summary.parameters}};
    if (summary.macs) result["macs"] = *summary.macs;
    std::cout << boost::json::serialize(result) << "\n";
    return kOk;
  }
  std::cout << path.string() << " and " << weights << ": " << summary.parameters << " parameters";
  if (summary.macs) std::cout << ", " << *summary.macs << " multiply-adds an inference";
  std::cout << "\nTrain it with: dormouse train " << path.string() << " " << data << "\n";
  return kOk;
}

int run_hrm(const Arguments& arguments) {
  take_only(arguments, {"puzzle"});
  const learning::PuzzleKind& puzzle = learning::puzzle_called(arguments.value_or("puzzle", "maze"));
  const std::filesystem::path path = arguments.value_or("out", std::string(puzzle.name) + ".yaml");
  const engine::Graph step =
      learning::write_new_planner(puzzle, seed_of(arguments), path, arguments.flag("force"));
  const std::int64_t size = puzzle.size > 0 ? puzzle.size : 11;  // large enough to learn from, and quick
  return tell(arguments, step, path, std::to_string(size));
}

int run(const Arguments& arguments) {
  const std::string& name = arguments.positional(0, "FAMILY");
  if (name == "anomaly") return run_anomaly(arguments);
  if (name == "hrm") return run_hrm(arguments);
  const learning::Family& family = learning::family_called(name);
  take_only(arguments, {"input", "output", "task", "horizon", "columns", "size"});
  const std::filesystem::path path = arguments.value_or("out", std::string(family.name) + ".yaml");
  const engine::Graph graph =
      learning::write_new_model(family, request_of(arguments), path, arguments.flag("force"));
  return tell(arguments, graph, path, "DATA");
}

std::string list_families() {
  std::string text = "families:\n";
  for (const learning::Family& family : learning::families()) {
    std::string name(family.name);
    name.resize(18, ' ');
    text += "  " + name + std::string(family.summary) + "\n";
  }
  text += "  hrm               thinks in steps until its answer holds: mazes of any size, Sudoku of 6×6\n";
  return text + "  anomaly           what is unusual in a stream; learns from the stream itself, no labels\n";
}

}  // namespace

extern const Verb new_verb{.name = "new",
                           .group = "learn",
                           .summary = "write a model spec of a family, with initial weights",
                           .arguments = "FAMILY [--input SHAPE --output CLASSES] [-o FILE.yaml]",
                           .words = 1,
                           .example = "dormouse new cnn --input 128x6 --output walking,sitting,lying",
                           .options = kOptions,
                           .run = run,
                           .more_help = list_families};

}  // namespace dormouse::daemon
