// How long real models take beside ONNX Runtime, in one process, on the same inputs and as many threads.
//
//   bench_latency --models FOLDER --peer LIBRARY --work FOLDER [--threads 1,2] [--only NAME] [--seconds 1]
//
// The two take turns in short blocks, so that what disturbs the machine disturbs both; the first runs of a
// block are not counted: caches are the other's, and ONNX Runtime's threads spin on for a while.
// Held to: a geometric mean of the ratios of medians of at most 1, and no model above 1.15. With more than
// one thread it also says what it costs that ours sleep between runs, and what they burn then: at most 0.5 %
// of a core with every model loaded.

#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <thread>

#include "drivers/xnnpack/driver.h"
#include "engine/formats/onnx.h"
#include "engine/session.h"
#include "tests/bench/options.h"
#include "tests/bench/peers/onnxruntime.h"
#include "tests/bench/real_models.h"
#include "tests/bench/samples.h"

namespace dormouse::bench {
namespace {

using namespace std::chrono_literals;
using drivers::xnnpack::XnnpackDriver;
using std::chrono::steady_clock;

constexpr auto kBlock = 25ms;
constexpr auto kRest = 50ms;  // ONNX Runtime's threads spin on for a while; on two cores that is one of ours
constexpr int kUncounted = 2;
constexpr int kLeastBlocks = 5;
constexpr double kHighestMean = 1.0, kHighestRatio = 1.15, kHighestIdle = 0.5;

template <class Run>
void block(Samples& samples, Run run) {
  std::this_thread::sleep_for(kRest);
  for (int i = 0; i < kUncounted; ++i) run();
  const auto end = steady_clock::now() + kBlock;
  do samples.time(run);
  while (steady_clock::now() < end);
}

std::unique_ptr<engine::Session> load(const RealModel& model, const XnnpackDriver& driver,
                                      const Options& options) {
  const auto file = file_of(model, options.text("models"), options.text("work")).string();
  const engine::Driver* const drivers[] = {&driver};
  return std::make_unique<engine::Session>(engine::read_onnx(file), drivers);
}

/// Ours by theirs.
double measure(OnnxRuntime& peer, const RealModel& model, std::size_t threads, const Options& options) {
  const auto file = file_of(model, options.text("models"), options.text("work")).string();
  const auto inputs = random_inputs(model);
  OnnxRuntime::Session theirs(peer, file, threads);
  theirs.bind(inputs);
  const XnnpackDriver driver({.threads = threads});
  const auto ours = load(model, driver, options);
  Samples our_times, their_times;
  const auto end = steady_clock::now() + std::chrono::duration<double>(options.number("seconds", 1));
  for (int i = 0; i < kLeastBlocks || steady_clock::now() < end; ++i) {
    block(our_times, [&] { ours->run(inputs); });
    block(their_times, [&] { theirs.run(); });
  }
  const double ratio = our_times.median() / their_times.median();
  std::printf("%s  %-44s %zu  %9.1f µs  %9.1f µs  %5.2f", ratio <= kHighestRatio ? "PASS" : "FAIL",
              model.file.c_str(), threads, our_times.median(), their_times.median(), ratio);
  for (const auto& [name, nodes] : ours->placement(inputs)) std::printf("  %s %zu", name.c_str(), nodes);
  std::printf("\n");
  std::fflush(stdout);
  return ratio;
}

std::chrono::duration<double> cpu_time() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](timeval t) {
    return std::chrono::duration<double>(static_cast<double>(t.tv_sec) +
                                         1e-6 * static_cast<double>(t.tv_usec));
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// What sleeping between runs costs, and what is burnt meanwhile.
bool measure_rest(std::size_t threads, const Options& options) {
  const XnnpackDriver sleeping({.threads = threads}), spinning({.threads = threads, .spin = true});
  double logarithms = 0;
  std::vector<std::unique_ptr<engine::Session>> loaded;
  for (const RealModel& model : real_models()) {
    const auto inputs = random_inputs(model);
    loaded.push_back(load(model, sleeping, options));
    const auto other = load(model, spinning, options);
    Samples asleep, awake;
    for (int i = 0; i < kLeastBlocks; ++i) {
      block(asleep, [&] { loaded.back()->run(inputs); });
      block(awake, [&] { other->run(inputs); });
    }
    logarithms += std::log(asleep.median() / awake.median());
  }
  const double price = std::exp(logarithms / static_cast<double>(loaded.size()));
  std::this_thread::sleep_for(200ms);  // the last of the spinning ends
  const auto before = cpu_time();
  std::this_thread::sleep_for(2s);
  const double percent = (cpu_time() - before) / 2s * 100;
  std::printf(
      "%s  idle with %zu sessions: %.3f %% of a core (at most %.1f); sleeping between runs costs %+.1f %%\n",
      percent <= kHighestIdle ? "PASS" : "FAIL", loaded.size(), percent, kHighestIdle, 100 * (price - 1));
  return percent <= kHighestIdle;
}

int run(const Options& options) {
  OnnxRuntime peer(options.text("peer"));
  std::printf("medians: Dormouse, ONNX Runtime %s, their ratio; nodes by driver\n", peer.version().c_str());
  bool held = true;
  for (const std::string& count :
       options.has("threads") ? options.list("threads") : std::vector<std::string>{"1", "2"}) {
    double logarithms = 0;
    std::size_t models = 0;
    for (const RealModel& model : real_models()) {
      if (model.file.find(options.text("only", "")) == std::string::npos) continue;
      const double ratio = measure(peer, model, std::stoul(count), options);
      held &= ratio <= kHighestRatio;
      logarithms += std::log(ratio);
      ++models;
    }
    const double mean = std::exp(logarithms / static_cast<double>(models));
    held &= mean <= kHighestMean;
    std::printf("%s  geometric mean over %zu models and shapes, %s thread(s): %.3f (at most %.1f)\n",
                mean <= kHighestMean ? "PASS" : "FAIL", models, count.c_str(), mean, kHighestMean);
    if (std::stoul(count) > 1 && !options.has("only")) held &= measure_rest(std::stoul(count), options);
  }
  return held ? 0 : 1;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) { return dormouse::bench::guarded(argc, argv, dormouse::bench::run); }
