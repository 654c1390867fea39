// How long real models take beside ONNX Runtime, in one process, on the same inputs and as many threads.
//
//   bench_latency --models FOLDER --peer LIBRARY --work FOLDER [--threads 1,2] [--only NAME] [--seconds 1]
//
// The two take turns in short blocks, so that what disturbs the machine disturbs both; the first runs of a
// block are not counted: caches are the other's, and ONNX Runtime's threads spin on for a while.
// Held to: a geometric mean of the ratios of medians of at most 1, and no model above 1.15.

#include <chrono>
#include <cmath>
#include <cstdio>
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
constexpr int kUncounted = 2;
constexpr int kLeastBlocks = 5;
constexpr double kHighestMean = 1.0, kHighestRatio = 1.15;

template <class Run>
void block(Samples& samples, Run run) {
  std::this_thread::sleep_for(2ms);  // the other's threads come to rest
  for (int i = 0; i < kUncounted; ++i) run();
  const auto end = steady_clock::now() + kBlock;
  do samples.time(run);
  while (steady_clock::now() < end);
}

/// Ours by theirs.
double measure(OnnxRuntime& peer, const RealModel& model, std::size_t threads, const Options& options) {
  const auto file = file_of(model, options.text("models"), options.text("work")).string();
  const auto inputs = random_inputs(model);
  OnnxRuntime::Session theirs(peer, file, threads);
  theirs.bind(inputs);
  const XnnpackDriver driver(XnnpackDriver::Options{.threads = threads});
  const engine::Driver* const drivers[] = {&driver};
  const engine::Session ours(engine::read_onnx(file), drivers);
  Samples our_times, their_times;
  const auto end = steady_clock::now() + std::chrono::duration<double>(options.number("seconds", 1));
  for (int i = 0; i < kLeastBlocks || steady_clock::now() < end; ++i) {
    block(our_times, [&] { ours.run(inputs); });
    block(their_times, [&] { theirs.run(); });
  }
  const double ratio = our_times.median() / their_times.median();
  std::printf("%s  %-44s %zu  %9.1f µs  %9.1f µs  %5.2f", ratio <= kHighestRatio ? "PASS" : "FAIL",
              model.file.c_str(), threads, our_times.median(), their_times.median(), ratio);
  for (const auto& [name, nodes] : ours.placement(inputs)) std::printf("  %s %zu", name.c_str(), nodes);
  std::printf("\n");
  std::fflush(stdout);
  return ratio;
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
  }
  return held ? 0 : 1;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) { return dormouse::bench::guarded(argc, argv, dormouse::bench::run); }
