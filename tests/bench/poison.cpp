// What wrong labels do: recordings of two words taught under each other's name, and the night after.
//
//   bench_poison --model FILE.onnx --seed FILE.seed.safetensors --data FOLDER --work FOLDER --a WORD --b WORD
//                --count N [--lessons yes]
//
// The data folder holds base/, teach/ and test/LABEL/ as tests/bench/fsdd makes it. With --lessons the device
// first learns what teach/ holds and sleeps on it. Exits with 1 when the night is accepted, or the shipped
// words fall by more than a point as served.

#include <algorithm>
#include <cstdio>

#include "drivers/all_drivers.h"
#include "tests/bench/lifetime.h"
#include "tests/bench/options.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;
using learning::Dataset;

constexpr double kFallBound = 1;  // points

/// The first `count` clips of `word`, under the label `as`.
Dataset relabelled(const Dataset& from, const std::string& word, const std::string& as, std::size_t count) {
  Dataset some;
  some.labels = {as};
  for (std::size_t i = 0; i < from.size() && some.clips.size() < count; ++i)
    if (from.labels[from.classes[i]] == word) some.clips.push_back(from.clips[i]);
  some.classes.assign(some.clips.size(), 0);
  return some;
}

double served(const Lifetime& life, const Dataset& test, const char* when) {
  const Scores scores = life.answers(test);
  std::printf("%-22s shipped words %5.1f%% as served, %5.1f%% by the slow head\n", when, scores.served.known,
              scores.slow.known);
  return scores.served.known;
}

int run(const Options& options) {
  const fs::path data = options.text("data"), state = fs::path(options.text("work")) / "state";
  const std::string a = options.text("a"), b = options.text("b");
  const auto count = static_cast<std::size_t>(options.number("count", 60));
  const Dataset base = learning::read_dataset(data / "base"), test = learning::read_dataset(data / "test");
  daemon::ModelOptions model;
  model.name = "words";
  model.path = options.text("model");
  model.seed = options.text("seed");
  model.stream = daemon::StreamOptions{.channels = 1};
  fs::remove_all(state);
  Lifetime life(model, state, drivers::all_drivers());
  if (options.has("lessons")) {
    life.teach(learning::read_dataset(data / "teach"));
    life.sleep();
  }
  const double before = served(life, test, "before");
  life.teach(relabelled(base, a, b, count));
  life.teach(relabelled(base, b, a, count));
  const double taught = served(life, test, "taught");
  const learning::SleepResult night = life.sleep();
  const double slept = served(life, test, "after the night");
  std::printf("%s  the night is %s: %s\n", night.accepted ? "FAIL" : "PASS",
              night.accepted ? "accepted" : "refused", night.report.verdict.reason.c_str());
  const double fall = before - std::min(taught, slept);
  const bool held = fall <= kFallBound;
  std::printf("%s  shipped words, as served: %.1f points lost (at most %g)\n", held ? "PASS" : "FAIL", fall,
              kFallBound);
  return held && !night.accepted ? 0 : 1;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) { return dormouse::bench::guarded(argc, argv, dormouse::bench::run); }
