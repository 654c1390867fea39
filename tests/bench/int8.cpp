// How much faster a network is on 8-bit integers than as it was, both by this engine at one thread.
//
//   bench_int8 --models FOLDER --work FOLDER [--seconds 5] [--only ResNet-50|MobileNetV2]
//
// ResNet-50 has the topology of ONNX's light model; MobileNetV2 is built here. Weights and images are random:
// they decide nothing about the time. Everything is quantised, whatever it costs in accuracy; the error is
// shown. The two take turns, so that what disturbs the machine disturbs both. Held to: at most 0.65 times the
// latency of f32.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <random>

#include "drivers/all_drivers.h"
#include "engine/formats/onnx.h"
#include "engine/quantizing/quantizing.h"
#include "engine/session.h"
#include "engine/value.h"
#include "tests/bench/options.h"
#include "tests/bench/real_models.h"
#include "tests/bench/samples.h"

namespace dormouse::bench {
namespace {

using namespace engine;
using Integers = std::vector<std::int64_t>;
using std::chrono::steady_clock;

constexpr double kHighestRatio = 0.65;
constexpr int kLeastTurns = 10, kCalibrationRuns = 4;
const Shape kImage{1, 3, 224, 224};

Tensor drawn(const Shape& shape, double bound, std::mt19937_64& random) {
  Tensor tensor(DType::f32, shape);
  std::uniform_real_distribution<float> uniform(static_cast<float>(-bound), static_cast<float>(bound));
  for (float& value : tensor.mutable_values<float>()) value = uniform(random);
  return tensor;
}

/// MobileNetV2 (Sandler et al., 2018, table 2) after batch norms were folded.
class MobileNet {
 public:
  Graph build() {
    Value x{&graph_, graph_.add_input("image", DType::f32, kImage)};
    x = clamped(convolved(x, 32, 3, 2, 1));
    struct Stage {
      std::int64_t expansion, channels, repeats, stride;
    };
    constexpr Stage stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                                {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    for (const auto& [expansion, channels, repeats, stride] : stages)
      for (std::int64_t i = 0; i < repeats; ++i) x = bottleneck(x, expansion, channels, i == 0 ? stride : 1);
    x = clamped(convolved(x, 1280, 1, 1, 1));
    const Value features = apply("Flatten", {apply("GlobalAveragePool", {x})});
    const Value classes = constant(graph_, drawn({1280, 1000}, 0.1, random_));
    graph_.set_outputs(
        {apply("Gemm", {features, classes, constant(graph_, drawn({1000}, 0.1, random_))}).id});
    return std::move(graph_);
  }

 private:
  Value convolved(Value x, std::int64_t channels, std::int64_t kernel, std::int64_t stride,
                  std::int64_t groups) {
    const std::int64_t depth = x.shape()[1] / groups, pad = kernel / 2;
    const double bound = std::sqrt(6.0 / static_cast<double>(depth * kernel * kernel));  // He's
    const Value filter = constant(graph_, drawn({channels, depth, kernel, kernel}, bound, random_));
    const Value bias = constant(graph_, drawn({channels}, 0.1, random_));
    return apply("Conv", {x, filter, bias},
                 {{"group", groups}, {"pads", Integers(4, pad)}, {"strides", Integers(2, stride)}});
  }
  Value clamped(Value x) {
    return apply("Clip", {x, constant(graph_, Tensor::scalar(0.0f)), constant(graph_, Tensor::scalar(6.0f))});
  }
  Value bottleneck(Value x, std::int64_t expansion, std::int64_t channels, std::int64_t stride) {
    const std::int64_t wide = x.shape()[1] * expansion;
    Value y = expansion == 1 ? x : clamped(convolved(x, wide, 1, 1, 1));
    y = clamped(convolved(y, wide, 3, stride, wide));
    y = convolved(y, channels, 1, 1, 1);
    return x.shape() == y.shape() ? x + y : y;
  }

  Graph graph_;
  std::mt19937_64 random_{kModelSeed};
};

/// ‖a − b‖ / ‖b‖.
double relative_error(const Tensor& a, const Tensor& b) {
  double wrong = 0, norm = 0;
  for (std::size_t i = 0; i < b.values<float>().size(); ++i) {
    wrong += std::pow(a.values<float>()[i] - b.values<float>()[i], 2);
    norm += std::pow(b.values<float>()[i], 2);
  }
  return std::sqrt(wrong / norm);
}

/// The share of nodes that drivers compute.
double driven(const Session& session, const Batch& input) {
  double ours = 0, all = 0;
  for (const auto& [driver, nodes] : session.placement(input)) {
    all += static_cast<double>(nodes);
    if (driver != "reference") ours += static_cast<double>(nodes);
  }
  return ours / all;
}

bool compare(const char* name, const Graph& graph, double seconds) {
  std::mt19937_64 random(kModelSeed);
  std::vector<Batch> data;
  for (int i = 0; i < kCalibrationRuns; ++i) data.push_back({drawn(kImage, 2, random)});
  const Graph small = quantize_statically(graph, data, drivers::all_drivers(),
                                          {.tolerance = std::numeric_limits<double>::infinity()});
  const Session real(graph, drivers::all_drivers()), quantized(small, drivers::all_drivers());
  const double error = relative_error(quantized.run(data[0])[0], real.run(data[0])[0]);
  Samples real_times, quantized_times;
  const auto end = steady_clock::now() + std::chrono::duration<double>(seconds);
  for (int i = 0; i < kLeastTurns || steady_clock::now() < end; ++i) {
    real_times.time([&] { real.run(data[0]); });
    quantized_times.time([&] { quantized.run(data[0]); });
  }
  const double ratio = quantized_times.median() / real_times.median();
  std::printf("%s  %-12s  f32 %9.1f µs  int8 %9.1f µs  %5.2f  %3.0f%% driven  error %.3f\n",
              ratio <= kHighestRatio ? "PASS" : "FAIL", name, real_times.median(), quantized_times.median(),
              ratio, 100 * driven(quantized, data[0]), error);
  return ratio <= kHighestRatio;
}

Graph resnet(const Options& options) {
  const auto models = real_models();
  const auto found =
      std::ranges::find(models, std::string("onnx-light/light_resnet50.onnx"), &RealModel::file);
  if (found == models.end()) throw Failure(Errc::not_found, "light_resnet50 is not among the models");
  return read_onnx(file_of(*found, options.text("models"), options.text("work")).string());
}

int run(const Options& options) {
  const std::pair<const char*, std::function<Graph()>> networks[] = {
      {"ResNet-50", [&] { return resnet(options); }}, {"MobileNetV2", [] { return MobileNet().build(); }}};
  const std::string only = options.text("only", "");
  int measured = 0, held = 0;
  for (const auto& [name, build] : networks) {
    if (!only.empty() && only != name) continue;
    ++measured;
    held += compare(name, build(), options.number("seconds", 5));
  }
  if (measured == 0) throw Failure(Errc::invalid, "--only: there is no " + only);
  return held == measured ? 0 : 1;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) { return dormouse::bench::guarded(argc, argv, dormouse::bench::run); }
