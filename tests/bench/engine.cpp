// How long the engine takes for one inference and one training step of a classifier, on the portable kernels
// and on every compute driver.
//
//   bench_engine --model FILE.onnx [--spec SPEC.yaml] [--rounds 200]
//
// The training step is a minibatch of 32 through every trainable layer of the spec.

#include <array>
#include <cstdio>
#include <functional>

#include "drivers/all_drivers.h"
#include "engine/formats/onnx.h"
#include "learning/model_spec.h"
#include "learning/step.h"
#include "tests/bench/options.h"
#include "tests/bench/samples.h"

namespace dormouse::bench {
namespace {

using engine::Graph;
using engine::Shape;
using engine::Tensor;
using Drivers = std::span<const engine::Driver* const>;

constexpr std::uint64_t kSeed = 1;
constexpr std::size_t kWarmUp = 5;
constexpr std::int64_t kBatch = 32;
constexpr std::size_t kClasses = 10;
constexpr float kRate = 1e-6f;  // timing needs no progress

/// White noise of this shape, its batch filled in.
Tensor noise(Shape shape, std::int64_t batch, learning::Random& random) {
  shape[0] = batch;
  Tensor tensor(engine::DType::f32, shape);
  for (float& value : tensor.mutable_values<float>()) value = static_cast<float>(0.1 * random.normal());
  return tensor;
}

Samples repeat(const Options& options, const std::function<void()>& work) {
  for (std::size_t i = 0; i < kWarmUp; ++i) work();
  Samples samples;
  for (int i = 0; i < static_cast<int>(options.number("rounds", 200)); ++i) samples.time(work);
  return samples;
}

void measure_inference(const Options& options, const char* name, Drivers drivers) {
  const Graph graph = engine::read_onnx(options.text("model"));
  const engine::Session session(graph, drivers);
  learning::Random random(kSeed);
  const std::array input{noise(graph.value(graph.inputs()[0]).shape, 1, random)};
  std::printf("inference, batch 1, on %-10s %s\n", name,
              repeat(options, [&] { session.run(input); }).text().c_str());
  for (const auto& [driver, nodes] : session.placement(input))
    std::printf("    %zu nodes on %s\n", nodes, driver.c_str());
}

void measure_step(const Options& options, const char* name, Drivers drivers) {
  learning::Random random(kSeed);
  const auto model = learning::build_model(learning::read_model_spec(options.text("spec")), kClasses, random);
  const Graph part =
      engine::extract(model.graph, std::array{model.front_end}, std::array{model.graph.outputs()[0]});
  learning::Trainer trainer(part, nullptr, {.drivers = drivers});
  const Tensor batch = noise(part.value(part.inputs()[0]).shape, kBatch, random);
  std::vector<learning::ClassIndex> classes;
  for (std::int64_t i = 0; i < kBatch; ++i)
    classes.push_back(static_cast<learning::ClassIndex>(i % kClasses));
  const Tensor targets = learning::one_hot(classes, kClasses);
  std::printf("training step, batch %ld, on %-7s %s\n", long{kBatch}, name,
              repeat(options, [&] { trainer.step(batch, targets, {}, kRate); }).text().c_str());
}

int run(const Options& options) {
  const Drivers all = drivers::all_drivers();
  measure_inference(options, "reference", {});
  for (std::size_t i = 0; i < all.size(); ++i)
    measure_inference(options, all[i]->name().data(), all.subspan(i, 1));
  if (!options.has("spec")) return 0;
  measure_step(options, "reference", {});
  for (std::size_t i = 0; i < all.size(); ++i)
    measure_step(options, all[i]->name().data(), all.subspan(i, 1));
  return 0;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) { return dormouse::bench::guarded(argc, argv, dormouse::bench::run); }
