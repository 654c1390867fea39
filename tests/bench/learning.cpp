// Trains a model on some classes, teaches it others, lets it sleep, and compares it on test clips with plain
// fine-tuning and with balanced joint training: the mean over training seeds, against bounds.
//
//   bench_learning --spec SPEC.yaml --data FOLDER --known A,B --taught C,D --seeds 1,2,3 --work FOLDER
//                  [--kernel EXAMPLES] [bounds, see kBounds]
//
// The data folder holds base/LABEL/, teach/LABEL/ and test/LABEL/. Models go to the work folder, and one that
// is there already is used again. Exits with 1 when a bound is missed.

#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <span>

#include "drivers/all_drivers.h"
#include "engine/formats/onnx.h"
#include "learning/train.h"
#include "tests/bench/lifetime.h"
#include "tests/bench/options.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;
using learning::Dataset;
using learning::Strategy;

enum Row {
  base,
  taught_heads,
  taught_served,
  slept_network,
  slept_slow,
  slept_heads,
  slept_served,
  finetuned,
  joint,
  kRows
};
constexpr const char* kRowNames[] = {"as shipped",           "taught: both heads", "taught: as served",
                                     "slept: network alone", "slept: slow head",   "slept: both heads",
                                     "slept: as served",     "plain fine-tuning",  "balanced joint training"};
using Table = std::array<Score, kRows>;

struct Task {
  std::vector<std::string> known;
  std::vector<std::string> taught;
  Dataset base;
  Dataset teach;
  Dataset test;
};

Task read_task(const Options& options) {
  const fs::path data = options.text("data");
  Task task{options.list("known"), options.list("taught"), {}, {}, {}};
  auto all = task.known;
  all.insert(all.end(), task.taught.begin(), task.taught.end());
  task.base = learning::read_dataset(data / "base", task.known);
  task.teach = learning::read_dataset(data / "teach", task.taught);
  task.test = learning::read_dataset(data / "test", all);
  std::printf("%zu clips to train on, %zu to teach, %zu to test\n", task.base.size(), task.teach.size(),
              task.test.size());
  return task;
}

/// The model that `dormouse train` would make with this seed.
daemon::ModelOptions shipped_model(const Options& options, const Task& task, const std::string& seed) {
  learning::ModelSpec spec = learning::read_model_spec(options.text("spec"));
  spec.train.seed = std::stoull(seed);
  daemon::ModelOptions model;
  model.name = spec.name;
  const fs::path stem = fs::path(options.text("work")) / (spec.name + "-" + seed);
  fs::create_directories(stem.parent_path());
  model.path = stem.string() + ".onnx";
  model.seed = stem.string() + ".seed.safetensors";
  model.stream = daemon::StreamOptions{.channels = spec.channels};
  if (fs::exists(model.path) && fs::exists(model.seed)) return model;
  const auto report = [&](const learning::TrainProgress& progress) {
    std::fprintf(stderr, "\rseed %s: epoch %ld of %ld, loss %.4f ", seed.c_str(), long{progress.epoch},
                 long{progress.epochs}, double{progress.loss});
  };
  const auto trained = learning::train_model(spec, task.base, drivers::all_drivers(), report);
  std::fprintf(stderr, "\rseed %s: %.1f%% of held-out clips          \n", seed.c_str(),
               100 * trained.heldout_accuracy);
  learning::write_seed(model.seed, trained.seed);
  engine::write_onnx(trained.graph, model.path.string());
  return model;
}

Table live(const daemon::ModelOptions& model, const Task& task, const fs::path& state,
           const daemon::NightOptions& nights) {
  fs::remove_all(state);
  Lifetime life(model, state, drivers::all_drivers(), nights);
  Table table{};
  table[base] = life.answers(task.test).slow;
  life.teach(task.teach);
  const Scores taught = life.answers(task.test);
  table[taught_heads] = taught.heads;
  table[taught_served] = taught.served;
  table[finetuned] = life.alone(life.control(Strategy::finetune), task.test);
  table[joint] = life.alone(life.control(Strategy::joint), task.test);
  const learning::SleepResult night = life.sleep();
  const Scores slept = life.answers(task.test);
  table[slept_network] = life.alone(night.trainable, task.test);
  table[slept_slow] = slept.slow;
  table[slept_heads] = slept.heads;
  table[slept_served] = slept.served;
  std::printf("\n%s", learning::to_text(night.report).c_str());
  return table;
}

void print(const std::string& title, const Table& table) {
  std::printf("\n%-26s %8s %8s %8s\n", title.c_str(), "known", "taught", "all");
  for (std::size_t row = 0; row < kRows; ++row)
    std::printf("%-26s %8.1f %8.1f %8.1f\n", kRowNames[row], table[row].known, table[row].taught,
                table[row].all);
  std::fflush(stdout);
}

using Cell = double Score::*;
constexpr Cell kCells[] = {&Score::known, &Score::taught, &Score::all};

Table mean(std::span<const Table> tables) {
  Table result{};
  for (const Table& table : tables)
    for (std::size_t row = 0; row < kRows; ++row)
      for (const Cell cell : kCells) result[row].*cell += table[row].*cell / double(tables.size());
  return result;
}

/// The standard deviation over seeds, with n - 1 beneath.
Table deviation(std::span<const Table> tables, const Table& mean) {
  Table result{};
  for (std::size_t row = 0; row < kRows; ++row)
    for (const Cell cell : kCells) {
      double squares = 0;
      for (const Table& table : tables) squares += std::pow(table[row].*cell - mean[row].*cell, 2);
      result[row].*cell = tables.size() > 1 ? std::sqrt(squares / double(tables.size() - 1)) : 0;
    }
  return result;
}

/// What the slept device is held to, as it serves; a bound is checked when its option is given.
struct Bound {
  const char* option;
  const char* what;
  double (*value)(const Table&);
  bool at_least;
};
constexpr Bound kBounds[] = {
    {"all-at-least", "all classes, slept", [](const Table& t) { return t[slept_served].all; }, true},
    {"taught-at-least", "taught classes, slept", [](const Table& t) { return t[slept_served].taught; }, true},
    {"all-below-joint", "all classes: joint training less slept",
     [](const Table& t) { return t[joint].all - t[slept_served].all; }, false},
    {"known-below-joint", "known classes: joint training less slept",
     [](const Table& t) { return t[joint].known - t[slept_served].known; }, false},
    {"finetuning-loses", "known classes: shipped less fine-tuned",
     [](const Table& t) { return t[base].known - t[finetuned].known; }, true}};

bool within_bounds(const Options& options, const Table& table) {
  bool within = true;
  std::printf("\n");
  for (const Bound& bound : kBounds) {
    if (!options.has(bound.option)) continue;
    const double value = bound.value(table), limit = options.number(bound.option, 0);
    const bool passed = bound.at_least ? value >= limit : value <= limit;
    std::printf("%s  %s: %.1f (at %s %g)\n", passed ? "PASS" : "FAIL", bound.what, value,
                bound.at_least ? "least" : "most", limit);
    within = within && passed;
  }
  return within;
}

int run(const Options& options) {
  const Task task = read_task(options);
  daemon::NightOptions nights;
  nights.cycle.kernel_examples =
      static_cast<std::size_t>(options.number("kernel", double(nights.cycle.kernel_examples)));
  std::vector<Table> tables;
  for (const std::string& seed : options.list("seeds")) {
    const auto model = shipped_model(options, task, seed);
    tables.push_back(live(model, task, fs::path(options.text("work")) / ("state-" + seed), nights));
    print("seed " + seed, tables.back());
  }
  if (tables.empty()) throw Failure(Errc::invalid, "--seeds names none");
  const Table average = mean(tables);
  print("mean of " + std::to_string(tables.size()), average);
  print("deviation", deviation(tables, average));
  return within_bounds(options, average) ? 0 : 1;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) { return dormouse::bench::guarded(argc, argv, dormouse::bench::run); }
