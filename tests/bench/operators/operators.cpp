// How long single operators take beside ONNX Runtime, at the sizes at which models use them, one thread.
//
//   bench_operators --peer LIBRARY --work FOLDER [--only NAME] [--seconds 0.1]
//
// Each is a model of one node with random values; the two take turns in short blocks. Held to: no operator
// above four times ONNX Runtime's median.

#include <chrono>
#include <cstdio>
#include <filesystem>

#include "config/error.h"
#include "drivers/xnnpack/driver.h"
#include "engine/formats/onnx.h"
#include "engine/session.h"
#include "tests/bench/operators/cases.h"
#include "tests/bench/options.h"
#include "tests/bench/peers/onnxruntime.h"
#include "tests/bench/samples.h"

namespace dormouse::bench {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kBlock = 3ms;
constexpr int kLeastBlocks = 5;
constexpr double kHighestRatio = 4;

template <class Run>
void block(Samples& samples, Run run) {
  run();  // caches are the other's
  const auto end = steady_clock::now() + kBlock;
  do samples.time(run);
  while (steady_clock::now() < end);
}

struct Times {
  Samples ours, theirs;
  std::string driver;
};

Times measure(OnnxRuntime& peer, const OperatorCase& entry, const Options& options) {
  const auto file = (std::filesystem::path(options.text("work")) / "operator.onnx").string();
  const OneNode model = one_node(entry);
  engine::write_onnx(model.graph, file);
  OnnxRuntime::Session theirs(peer, file, 1);
  theirs.bind(model.inputs);
  const drivers::xnnpack::XnnpackDriver driver({.threads = 1});
  const engine::Driver* const drivers[] = {&driver};
  const engine::Session ours(engine::read_onnx(file), drivers);
  Times times;
  const auto end = steady_clock::now() + std::chrono::duration<double>(options.number("seconds", 0.1));
  for (int i = 0; i < kLeastBlocks || steady_clock::now() < end; ++i) {
    block(times.ours, [&] { ours.run(model.inputs); });
    block(times.theirs, [&] { theirs.run(); });
  }
  for (const auto& [name, nodes] : ours.placement(model.inputs)) times.driver += " " + name;
  return times;
}

int run(const Options& options) {
  OnnxRuntime peer(options.text("peer"));
  std::printf("medians: Dormouse, ONNX Runtime %s, their ratio; driver\n", peer.version().c_str());
  std::size_t measured = 0, above = 0;
  for (const OperatorCase& entry : operator_cases()) {
    if (entry.name.find(options.text("only", "")) == std::string::npos) continue;
    try {
      const Times times = measure(peer, entry, options);
      const double ratio = times.ours.median() / times.theirs.median();
      ++measured;
      above += ratio > kHighestRatio;
      std::printf("%s  %-28s %-16s  %9.1f µs  %9.1f µs  %5.2f %s\n", ratio <= kHighestRatio ? "PASS" : "FAIL",
                  entry.name.c_str(), entry.what.c_str(), times.ours.median(), times.theirs.median(), ratio,
                  times.driver.c_str());
    } catch (const Failure& failure) {
      std::printf("      %-28s %-16s  %s\n", entry.name.c_str(), entry.what.c_str(), failure.what());
    }
    std::fflush(stdout);
  }
  std::printf("%s  %zu of %zu operators above %.0f times ONNX Runtime's median\n",
              above == 0 ? "PASS" : "FAIL", above, measured, kHighestRatio);
  return above == 0 ? 0 : 1;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) { return dormouse::bench::guarded(argc, argv, dormouse::bench::run); }
