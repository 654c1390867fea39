// One training step, forward, backward and SGD with momentum: the perceptron 784-256-256-10, and
// a small CNN (two convolutions, two linear layers) on 28 x 28 images.
//
//   bench_training_step [--steps 200] [--threads 1] [--batch 64] [--ahead 0]
//
// With --ahead 1 batches come as `dormouse train` makes them: by other threads, sent to the device ahead
// where it takes that. Then a step's time is that from one to the next.
//
// A line of JSON a model: the median and the least milliseconds of a step, the shares of time by driver, and
// how much more memory is resident after training than before. tests/bench/peers/training_step.py runs the
// same in PyTorch and prints both side by side.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <random>

#include "drivers/all_drivers.h"
#include "learning/fit.h"
#include "learning/prefetch.h"
#include "tests/bench/options.h"
#include "tests/resident.h"

namespace dormouse::bench {
namespace {

using namespace engine;
using learning::Fit;

constexpr std::int64_t kClasses = 10, kSide = 28;
constexpr float kRate = 0.01f;
constexpr int kWarmUp = 10;
constexpr unsigned kSeed = 1;

class Builder {
 public:
  Value input(Shape shape) { return {&graph_, graph_.add_input("x", DType::f32, std::move(shape))}; }
  Value linear(Value x, std::int64_t in, std::int64_t out) {
    return apply("Gemm", {x, weights({out, in}, in), zeros(out)}, {{"transB", std::int64_t{1}}});
  }
  Value conv(Value x, std::int64_t in, std::int64_t out) {
    return apply("Conv", {x, weights({out, in, 3, 3}, in * 9), zeros(out)},
                 {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  }
  static Value pool(Value x) {
    const std::vector<std::int64_t> two{2, 2};
    return apply("MaxPool", {x}, {{"kernel_shape", two}, {"strides", two}});
  }
  Graph finish(Value answers) {
    graph_.mark_output(answers.id);
    return std::move(graph_);
  }
  Tensor normal(Shape shape, double deviation) {
    Tensor tensor(DType::f32, std::move(shape));
    std::normal_distribution<float> draw(0, static_cast<float>(deviation));
    for (float& value : tensor.mutable_values<float>()) value = draw(random_);
    return tensor;
  }

 private:
  Value weights(Shape shape, std::int64_t fan_in) {
    return constant(graph_, normal(std::move(shape), std::sqrt(2.0 / static_cast<double>(fan_in))));
  }
  Value zeros(std::int64_t count) { return constant(graph_, Tensor(DType::f32, {count})); }

  Graph graph_;
  std::mt19937 random_{kSeed};
};

Graph perceptron() {
  Builder builder;
  Value x = builder.input({kDynamic, kSide * kSide});
  x = relu(builder.linear(x, kSide * kSide, 256));
  x = relu(builder.linear(x, 256, 256));
  return builder.finish(builder.linear(x, 256, kClasses));
}

Graph convolutional() {
  Builder builder;
  Value x = builder.input({kDynamic, 1, kSide, kSide});
  x = Builder::pool(relu(builder.conv(x, 1, 16)));
  x = Builder::pool(relu(builder.conv(x, 16, 32)));
  x = relu(builder.linear(apply("Flatten", {x}), 32 * 7 * 7, 128));
  return builder.finish(builder.linear(x, 128, kClasses));
}

learning::Batch random_batch(Shape input, std::int64_t rows) {
  Builder builder;
  input[0] = rows;
  learning::Batch batch{builder.normal(std::move(input), 1), Tensor(DType::f32, {rows, kClasses}),
                        Tensor(DType::f32, {rows})};
  for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
    batch.targets.mutable_values<float>()[row * kClasses + row % kClasses] = 1;
    batch.weights.mutable_values<float>()[row] = 1;
  }
  return batch;
}

void measure(const char* name, const Graph& graph, const Options& options) {
  const auto steps = static_cast<std::size_t>(options.number("steps", 200));
  const auto threads = static_cast<std::size_t>(options.number("threads", 1));
  const std::size_t before = resident_bytes();
  Fit fit(graph, {.drivers = drivers::busy_drivers(threads)});
  const auto rows = static_cast<std::int64_t>(options.number("batch", 64));
  const learning::Batch batch = random_batch(graph.value(graph.inputs()[0]).shape, rows);
  for (int i = 0; i < kWarmUp; ++i) fit.update(batch, kRate);
  std::map<std::string, double> cold = fit.seconds();
  std::vector<double> times;
  float loss = 0;
  const bool ahead = options.number("ahead", 0) != 0;
  const SendsAhead* const sender = ahead ? fit.sender(batch) : nullptr;
  const auto make = [&](std::size_t) { return sender ? sent(*sender, batch) : batch; };
  learning::Prefetch<learning::Batch> batches(make, 0, ahead ? steps : 0, 2);
  for (std::size_t i = 0; i < steps; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    loss = fit.update(ahead ? batches.next() : batch, kRate);
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count());
  }
  std::ranges::sort(times);
  std::printf(
      "{\"model\": \"%s\", \"threads\": %zu, \"median_ms\": %.4f, \"least_ms\": %.4f, \"loss\": %.4f, "
      "\"grown_mib\": %.1f, \"share\": {",
      name, threads, times[times.size() / 2], times.front(), static_cast<double>(loss),
      static_cast<double>(resident_bytes() - std::min(before, resident_bytes())) / (1 << 20));
  double all = 0;
  for (const auto& [driver, seconds] : fit.seconds()) all += seconds - cold[driver];
  const char* comma = "";
  for (const auto& [driver, seconds] : fit.seconds()) {
    std::printf("%s\"%s\": %.3f", comma, driver.c_str(), (seconds - cold[driver]) / all);
    comma = ", ";
  }
  std::printf("}}\n");
}

int run(const Options& options) {
  measure("mlp", perceptron(), options);
  measure("cnn", convolutional(), options);
  return 0;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) {
  try {
    return dormouse::bench::run(dormouse::bench::Options(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_training_step: %s\n", error.what());
    return 1;
  }
}
