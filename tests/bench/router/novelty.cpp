#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>

#include "drivers/all_drivers.h"
#include "tests/bench/lifetime.h"
#include "tests/bench/router/parts.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;

/// What may say that an input is new: the more, the newer.
struct Detector {
  const char* name;
  double (*of)(const Exit&);
};
constexpr Detector kDetectors[] = {{"novelty", [](const Exit& e) { return double{e.novelty}; }},
                                   {"distance", [](const Exit& e) { return double{e.signals[4]}; }},
                                   {"concept", [](const Exit& e) { return double{e.signals[5]}; }},
                                   {"energy", [](const Exit& e) { return double{e.signals[2]}; }},
                                   {"confidence", [](const Exit& e) { return 1 - double{e.confidence}; }}};

/// Means over the classes of what 20 labels come to.
struct Taught {
  const char* name;
  daemon::FastWeights fast = daemon::FastWeights::automatic;
  double learnt = 0, lost = 0, before = 0;
};

/// Probability that something new has more than something known, ties being half of it.
double auroc(const std::vector<double>& known, const std::vector<double>& fresh) {
  std::vector<double> sorted = known;
  std::ranges::sort(sorted);
  double sum = 0;
  for (const double value : fresh) {
    const auto [low, high] = std::ranges::equal_range(sorted, value);
    sum += double(low - sorted.begin()) + double(high - low) / 2;
  }
  return sum / double(known.size()) / double(fresh.size());
}

template <class Fresh>
std::vector<double> aurocs(const std::vector<Exit>& exits, const Fresh& fresh) {
  std::vector<double> result;
  for (const Detector& detector : kDetectors) {
    std::vector<double> old, added;
    for (const Exit& exit : exits) (fresh(exit) ? added : old).push_back(detector.of(exit));
    result.push_back(auroc(old, added));
  }
  return result;
}

void print(const std::string& title, const std::vector<double>& values) {
  std::printf("%-26s", title.c_str());
  for (const double value : values) std::printf(" %10.4f", value);
  std::printf("\n");
}

void heading(const std::string& title) {
  std::printf("\n%-26s", title.c_str());
  for (const Detector& detector : kDetectors) std::printf(" %10s", detector.name);
  std::printf("\n");
}

}  // namespace

void measure_left_out(const Recorded& digits, const fs::path& specs, const fs::path& work,
                      Verdicts& verdicts) {
  constexpr std::size_t kTaught = 20;
  constexpr std::int64_t kEpochs = 6;
  const std::size_t classes = digits.data.base.labels.size();
  std::vector<double> mean(std::size(kDetectors));
  std::array<Taught, 2> ways{Taught{"fast: auto"}, Taught{"fast: ridge", daemon::FastWeights::ridge}};
  heading("AUROC, left out:");
  for (std::size_t c = 0; c < classes; ++c) {
    const auto left_out = static_cast<learning::ClassIndex>(c);
    const std::string& label = digits.data.base.labels[c];
    const learning::Dataset known = without_class(digits.data.base, left_out);
    Device::Options options = digits.options;
    options.low =
        trained(specs / (digits.name() + "-low.yaml"), known, work / ("without-" + label), {}, kEpochs);
    options.high.clear();
    options.state = work / ("without-" + label);
    const Device device(options, known);
    const auto exits = cached_exits(work / ("without-" + label + ".exits"), device, digits.data.test);
    const auto here = aurocs(exits, [&](const Exit& exit) { return exit.truth == c; });
    for (std::size_t i = 0; i < here.size(); ++i) mean[i] += here[i] / double(classes);
    print(label, here);

    for (Taught& way : ways) {
      daemon::ModelOptions model;
      model.name = digits.name();
      model.path = options.low;
      model.seed = (options.low.parent_path() / options.low.stem()).string() + ".seed.safetensors";
      model.stream = daemon::StreamOptions{.channels = 1};
      model.fast = way.fast;
      const fs::path state = work / ("taught-" + label);
      fs::remove_all(state);
      Lifetime life(model, state, drivers::all_drivers());
      life.blend_as_learnt();
      const double old_before = life.answers(digits.data.test).served.known;
      std::size_t taken = 0;
      life.teach(subset(digits.data.lessons, [&](std::size_t i) {
        return digits.data.lessons.classes[i] == left_out && taken++ < kTaught;
      }));
      const Score after = life.answers(digits.data.test).served;
      std::printf("%26s %s, taught %zu: %.1f %% of it, others %.1f %% (before %.1f %%)\n", "", way.name,
                  kTaught, after.taught, after.known, old_before);
      std::fflush(stdout);
      way.learnt += after.taught / double(classes), way.lost += (old_before - after.known) / double(classes);
      way.before += old_before / double(classes);
    }
  }
  print("mean", mean);
  for (const Taught& way : ways)
    std::printf("mean, %s: %.1f %% of a class of %zu labels; others %.2f %%, and %.2f points of it lost\n",
                way.name, way.learnt, kTaught, way.before, way.lost);
  verdicts.at_least("AUROC of novelty for a digit that was left out, mean", mean.front(), 0.95, "");
  verdicts.at_least("a digit of 20 labels", ways[0].learnt, 80);
  verdicts.at_most("lost on the others", ways[0].lost, 2, " points");
}

void measure_across(const Recorded& known, const Recorded& other, Verdicts& verdicts) {
  const Device device(known.options, known.data.base);
  const auto strangers =
      cached_exits(known.options.state / (other.name() + ".exits"), device, other.data.test);
  std::vector<Exit> exits = known.test;
  exits.insert(exits.end(), strangers.begin(), strangers.end());
  const Exit* const first = exits.data();
  const auto values = aurocs(
      exits, [&](const Exit& exit) { return static_cast<std::size_t>(&exit - first) >= known.test.size(); });
  heading("AUROC, across sets:");
  print(known.name() + ", " + other.name() + " is new", values);
  verdicts.at_least("AUROC of novelty, " + other.name() + " for " + known.name(), values.front(), 0.99, "");
}

}  // namespace dormouse::bench
