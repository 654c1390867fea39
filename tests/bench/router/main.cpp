// What the router saves and what it promises, by the daemon's own code on models of dormouse's own training.
//
//   bench_router --specs tests/bench/router --work FOLDER [--mnist FOLDER] [--fashion FOLDER] [--hapt FOLDER]
//                [--parts paths,cold,streams,novelty,time]
//
// Models and what they made of every request stay in the work folder and are used again. Exits with 1 when a
// bound is missed.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <random>

#include "tests/bench/options.h"
#include "tests/bench/router/parts.h"
#include "tests/bench/samples.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTimed = 500;  // requests

Recorded recorded(RouterData data, const fs::path& specs, const fs::path& work, std::int64_t channels) {
  const fs::path folder = work / data.name;
  const fs::path high = trained(specs / (data.name + "-high.yaml"), data.base, folder / "high");
  Device::Options options{.low = trained(specs / (data.name + "-low.yaml"), data.base, folder / "low", high),
                          .high = high,
                          .state = folder / "state",
                          .channels = channels};
  const Device device(options, data.base);
  Recorded set{std::move(data), options, {}, {}, {}, {}};
  set.lessons = cached_exits(folder / "lessons.exits", device, set.data.lessons);
  set.test = cached_exits(folder / "test.exits", device, set.data.test);
  set.macs = device.macs();
  set.times = device.times(set.data.test, kTimed);
  return set;
}

/// The requests with ever more white noise, up to `most` of the brightest there is.
learning::Dataset corrupted(const learning::Dataset& data, float most) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  learning::Dataset noisy = data;
  float brightest = 0;
  const engine::Tensor some = data.clip(0);
  for (const float value : some.values<float>()) brightest = std::max(brightest, value);
  for (std::size_t i = 0; i < data.size(); ++i) {
    const float level = most * brightest * static_cast<float>(i) / static_cast<float>(data.size());
    const engine::Tensor clip = data.clip(i);
    engine::Tensor spoilt(engine::DType::f32, clip.shape());
    std::ranges::transform(clip.values<float>(), spoilt.mutable_values<float>().begin(), [&](float value) {
      return std::clamp(value + level * normal(random), 0.0f, brightest);
    });
    noisy.clips[i] = std::move(spoilt);
  }
  return noisy;
}

std::vector<Exit> joined(std::vector<Exit> some, const std::vector<Exit>& more) {
  some.insert(some.end(), more.begin(), more.end());
  return some;
}

/// Four times the odds of a cheap answer that is not the expensive one.
std::vector<Exit> harder(const std::vector<Exit>& some) {
  std::vector<Exit> all = some;
  for (const Exit& exit : some)
    if (exit.low != exit.high) all.insert(all.end(), 3, exit);
  return all;
}

void image_streams(const Recorded& set, double target_error, const fs::path& specs, const fs::path& work,
                   Verdicts& verdicts) {
  const std::vector<Exit> all = joined(set.lessons, set.test);
  measure_stream({set.name() + ", i.i.d.", all, all, target_error}, verdicts);
  measure_stream({set.name() + ", odds of an error times 4", all, harder(all), target_error, false, 0.1},
                 verdicts);
  const Device device(set.options, set.data.base);
  const auto ramp = cached_exits(work / set.name() / "ramp.exits", device, corrupted(set.data.test, 0.5f));
  measure_stream({set.name() + ", ever more noise", all, ramp, target_error, true}, verdicts);

  // The low model has never seen the last class; the high one has.
  const auto left_out = static_cast<learning::ClassIndex>(set.data.base.labels.size() - 1);
  const std::string& label = set.data.base.labels[static_cast<std::size_t>(left_out)];
  const learning::Dataset known = without_class(set.data.base, left_out);
  Device::Options options = set.options;
  options.low =
      trained(specs / (set.name() + "-low.yaml"), known, work / set.name() / ("without-" + label), {}, 6);
  options.state = work / set.name() / ("planned-" + label);
  const Device partial(options, known);
  const auto test = cached_exits(work / set.name() / "new-class.exits", partial, set.data.test);
  const auto lessons = cached_exits(work / set.name() / "new-class-lessons.exits", partial, set.data.lessons);
  const std::vector<Exit> after = joined(lessons, test);
  std::vector<Exit> before, fresh;
  for (const Exit& exit : after)
    (exit.truth == static_cast<std::uint32_t>(left_out) ? fresh : before).push_back(exit);
  measure_stream({set.name() + ", a new class", before, after, target_error}, verdicts);
  std::vector<Exit> half = before;  // every other request is of the new class
  while (half.size() < 2 * before.size()) half.push_back(fresh[half.size() % fresh.size()]);
  measure_stream({set.name() + ", half of a new class", before, half, target_error}, verdicts);
}

void subject_streams(const Recorded& set, double target_error, Verdicts& verdicts) {
  std::vector<Exit> before, after;
  std::vector<std::string> names;
  for (const std::string& name : set.data.test.names) names.push_back(name.substr(name.rfind('/') + 1, 2));
  std::vector<std::string> sorted = names;
  std::ranges::sort(sorted);
  const std::string middle = sorted[sorted.size() / 2];
  for (std::size_t i = 0; i < names.size(); ++i) (names[i] < middle ? before : after).push_back(set.test[i]);
  measure_stream({set.name() + ", i.i.d.", set.test, set.test, target_error}, verdicts);
  measure_stream(
      {set.name() + ", odds of an error times 4", set.test, harder(set.test), target_error, false, 0.1},
      verdicts);
  measure_stream({set.name() + ", other people", before, after, target_error}, verdicts);
  measure_stream({set.name() + ", these after those", after, before, target_error}, verdicts);
}

}  // namespace

void measure_routing_time(const Recorded& set, const fs::path& work, Verdicts& verdicts) {
  Device::Options options = set.options;
  options.memory = 10'000;
  options.state = work / set.name() / "crowded";
  const Device device(options, set.data.base);
  std::vector<double> more;
  for (int round = 0; round < 5; ++round) {
    const Times times = device.times(set.data.test, kTimed);
    more.push_back(times.low - times.model);
  }
  std::ranges::sort(more);
  std::printf("\nrouting with 10,000 episodes: %.1f µs beyond the model (%.1f to %.1f)\n", more[2],
              more.front(), more.back());
  verdicts.at_most("routing beyond the low model", more[2], 20, " µs");
}

namespace {

int run(const Options& options) {
  const fs::path specs = options.text("specs"), work = options.text("work");
  const auto parts = options.list("parts");
  const auto wanted = [&](const char* part) {
    return parts.empty() || std::ranges::find(parts, part) != parts.end();
  };
  Verdicts verdicts;
  std::optional<Recorded> mnist, fashion, hapt;
  if (options.has("mnist")) mnist = recorded(image_data("mnist", options.text("mnist")), specs, work, 1);
  if (options.has("fashion"))
    fashion = recorded(image_data("fashion", options.text("fashion")), specs, work, 1);
  if (options.has("hapt")) hapt = recorded(activity_data(options.text("hapt")), specs, work, 6);
  if (wanted("paths")) {
    if (mnist) measure_paths(*mnist, {12, 0.1, 0.01, 4000, Cheap::alone}, verdicts);
    if (fashion) measure_paths(*fashion, {30, 0.15, 0.0125, 4000, Cheap::alone}, verdicts);
    if (hapt) measure_paths(*hapt, {25, 0.2, 0.05, 1000, Cheap::alone}, verdicts);
  }
  if (wanted("cold") && mnist) measure_cold_start(*mnist, verdicts);
  if (wanted("streams")) {
    if (mnist) image_streams(*mnist, 0.02, specs, work, verdicts);
    if (fashion) image_streams(*fashion, 0.05, specs, work, verdicts);
    if (hapt) subject_streams(*hapt, 0.05, verdicts);
  }
  if (wanted("novelty")) {
    if (mnist && fashion)
      measure_across(*mnist, *fashion, verdicts), measure_across(*fashion, *mnist, verdicts);
    if (mnist) measure_left_out(*mnist, specs, work / "mnist", verdicts);
  }
  if (wanted("time") && mnist) measure_routing_time(*mnist, work, verdicts);
  return verdicts.missed() ? 1 : 0;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) { return dormouse::bench::guarded(argc, argv, dormouse::bench::run); }
