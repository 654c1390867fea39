#include "learning/fit_run.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "learning/checkpoint.h"
#include "learning/prefetch.h"
#include "learning/random.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::learning;
using engine::DType;
using engine::Graph;

namespace {

Tensor normal(Shape shape, std::uint64_t seed) {
  Random random(seed);
  Tensor tensor(DType::f32, std::move(shape));
  for (float& value : tensor.mutable_values<float>()) value = static_cast<float>(random.normal());
  return tensor;
}

/// x [N, 3] → tanh(x·a)·b [N, 2], its layers named.
Graph small_model() {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {engine::kDynamic, 3})};
  const Value a{&graph, graph.add_constant("a", normal({3, 4}, 1))};
  const Value b{&graph, graph.add_constant("b", normal({4, 2}, 2))};
  const Value hidden = engine::tanh(engine::matmul(x, a));
  graph.rename(hidden.id, "hidden");
  graph.mark_output(engine::matmul(hidden, b).id);
  return graph;
}

constexpr std::size_t kBatches = 7;

using MakeBatch = Batch (*)(std::size_t epoch, std::size_t index);

auto epochs_of(MakeBatch make) {
  return
      [make](std::size_t epoch) { return [make, epoch](std::size_t index) { return make(epoch, index); }; };
}

/// The class is whether the first number is positive; half of the last batch is not there.
Batch batch_of(std::size_t epoch, std::size_t index) {
  const std::int64_t rows = index + 1 == kBatches ? 2 : 5;
  Batch batch{normal({rows, 3}, 100 + epoch * kBatches + index), Tensor(DType::f32, {rows, 2}),
              Tensor(DType::f32, {rows})};
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
    const bool positive = batch.inputs.values<float>()[i * 3] > 0;
    batch.targets.mutable_values<float>()[i * 2 + positive] = 1;
    batch.weights.mutable_values<float>()[i] = 1;
  }
  return batch;
}

FitData data() {
  return {epochs_of(batch_of), kBatches, [](const Fit& fit) {
            return EpochRecord{.validation_loss = static_cast<double>(fit.evaluate(batch_of(1000, 0)).loss)};
          }};
}

const Fit::Options kOptions{
    .loss = {},
    .optimiser = {.rule = UpdateRule::adamw, .weight_decay = 0.01, .clip_norm = 1, .average = 0.9}};

bool same_bytes(const Parameters& a, const Parameters& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.first == y.first && std::ranges::equal(x.second.bytes(), y.second.bytes());
  });
}

constexpr std::int64_t kDeepWidth = 16, kDeepLayers = 20;

/// tanh(x·w) twenty times: 128 kB for what each of them makes of 2048 rows.
Graph deep_model() {
  Graph graph;
  Value x{&graph, graph.add_input("x", DType::f32, {engine::kDynamic, kDeepWidth})};
  for (std::int64_t i = 0; i < kDeepLayers; ++i) {
    const std::string name(1, static_cast<char>('a' + i));
    x = engine::tanh(engine::matmul(
        x, {&graph,
            graph.add_constant(name, normal({kDeepWidth, kDeepWidth}, 10 + static_cast<std::uint64_t>(i)))}));
  }
  graph.mark_output(x.id);
  return graph;
}

Batch batch_for_deep(std::int64_t rows) {
  Batch batch{normal({rows, kDeepWidth}, 1), Tensor(DType::f32, {rows, kDeepWidth}),
              Tensor(DType::f32, {rows})};
  for (std::int64_t i = 0; i < rows; ++i) {
    batch.targets.mutable_values<float>()[static_cast<std::size_t>(i * kDeepWidth + i % kDeepWidth)] = 1;
    batch.weights.mutable_values<float>()[static_cast<std::size_t>(i)] = 1;
  }
  return batch;
}

// An update by 2048 rows takes 8.7 MiB when nothing is computed again, and 3.1 MiB at least.
constexpr std::size_t kFrugal = 4 << 20, kLittle = 1 << 20;

Fit::Options with_memory(std::size_t bytes) {
  Fit::Options options = kOptions;
  options.memory = bytes;
  return options;
}

/// Where a test pulls the plug.
struct Unplugged {};

}  // namespace

TEST_CASE("an update is the optimiser's rule on the gradient of the loss", "[fit]") {
  Graph graph;  // y = x·w: d/dw of the mean of (y - t)² is 2·xᵀ(y - t) / (N·K)
  const Value x{&graph, graph.add_input("x", DType::f32, {engine::kDynamic, 2})};
  graph.mark_output(
      engine::matmul(x, {&graph, graph.add_constant("w", Tensor::from<float>({2, 1}, {0.5f, 1.5f}))}).id);
  Fit fit(graph, {.loss = {.kind = LossKind::mse}, .optimiser = {.momentum = 0.5}});
  const Batch batch{Tensor::from<float>({2, 2}, {1, 0, 2, 0}), Tensor::from<float>({2, 1}, {3, 1}),
                    Tensor::from<float>({2}, {1, 1})};
  float w = 0.5f, velocity = 0;
  for (int i = 0; i < 3; ++i) {
    CHECK(fit.update(batch, 0.1f) == Approx(((w - 3) * (w - 3) + (2 * w - 1) * (2 * w - 1)) / 2));
    velocity = 0.5f * velocity + ((w - 3) + 2 * (2 * w - 1));
    w -= 0.1f * velocity;
    CHECK(fit.parameters().at("w").values<float>()[0] == Approx(w));
    CHECK(fit.parameters().at("w").values<float>()[1] == 1.5f);
  }
}

TEST_CASE("fitting lowers the loss", "[fit]") {
  Fit fit(small_model(), kOptions);
  FitProgress progress;
  run_fit(fit, data(), {.epochs = 20, .rate = 0.02}, progress, false);
  REQUIRE(progress.epochs.size() == 20);
  CHECK(progress.epochs.back().validation_loss < 0.6 * progress.epochs.front().validation_loss);
}

TEST_CASE("a run that is cut off anywhere goes on bit for bit", "[fit]") {
  const TemporaryFolder folder;
  FitRunOptions options{.epochs = 4, .rate = 0.02, .checkpoint_every = 3, .task = "test"};
  options.schedule = {.kind = ScheduleKind::plateau, .patience = 0};
  options.patience = 3;
  Fit whole(small_model(), kOptions);
  FitProgress whole_progress;
  const Parameters expected = run_fit(whole, data(), options, whole_progress, false);
  for (std::int64_t after = 1; after < static_cast<std::int64_t>(4 * kBatches); after += 4) {
    INFO("cut off after update " << after);
    options.checkpoint = folder.file("run" + std::to_string(after) + ".safetensors");
    Fit first(small_model(), kOptions);
    FitRunOptions cut = options;
    cut.on_update = [&](const FitProgress&, float) {
      if (first.updates() == after) throw Unplugged{};
    };
    FitProgress progress;
    CHECK_THROWS_AS(run_fit(first, data(), cut, progress, true), Unplugged);
    Fit second(small_model(), kOptions);
    FitProgress resumed;
    CHECK(same_bytes(run_fit(second, data(), options, resumed, true), expected));
    CHECK(same_bytes(second.state(), whole.state()));
    REQUIRE(resumed.epochs.size() == whole_progress.epochs.size());
    for (std::size_t i = 0; i < resumed.epochs.size(); ++i) {
      CHECK(resumed.epochs[i].loss == whole_progress.epochs[i].loss);
      CHECK(resumed.epochs[i].rate == whole_progress.epochs[i].rate);
    }
  }
}

TEST_CASE("an update keeps to its memory and comes out the same to the bit", "[fit]") {
  const Graph model = deep_model();
  Fit whole(model, kOptions), frugal(model, with_memory(kFrugal));
  for (const std::int64_t rows : {2048, 2048, 500, 2048}) {
    const Batch batch = batch_for_deep(rows);
    const float loss = whole.update(batch, 0.01f);
    CHECK(frugal.update(batch, 0.01f) == loss);
    CHECK(same_bytes(frugal.state(), whole.state()));
  }
}

TEST_CASE("memory that no update fits into is refused before anything is updated", "[fit]") {
  Fit fit(deep_model(), with_memory(kLittle));
  const Parameters before = fit.state();
  CHECK_THROWS_WITH(fit.update(batch_for_deep(2048), 0.01f),
                    Catch::Contains("an update by 2048 rows takes") &&
                        Catch::Contains("more than the memory of 1.0 MiB") &&
                        Catch::Contains("smaller batches"));
  CHECK(same_bytes(fit.state(), before));
  CHECK(fit.updates() == 0);
}

TEST_CASE("a checkpoint of another task, and a damaged one, are refused", "[fit]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("run.safetensors");
  Fit fit(small_model(), kOptions);
  write_checkpoint(path, "one", fit, {});
  CHECK_NOTHROW(read_checkpoint(path, "one", fit));
  CHECK_THROWS_WITH(read_checkpoint(path, "two", fit), Catch::Contains("another run"));
  Fit plain(small_model(), {});
  CHECK_THROWS_WITH(read_checkpoint(path, "one", plain), Catch::Contains("velocity.a"));
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-3, std::ios::end);
  file.put('!');
  file.close();
  CHECK_THROWS_WITH(read_checkpoint(path, "one", fit), Catch::Contains("checksum"));
}

TEST_CASE("early stopping ends a run and gives back its best epoch", "[fit]") {
  Fit fit(small_model(), {.loss = {}, .optimiser = {.momentum = 0}});
  std::vector<double> losses{3, 2, 1, 4, 5, 6, 0};
  std::vector<Parameters> after;
  FitData data{epochs_of(batch_of), kBatches, [&](const Fit& now) {
                 after.push_back(now.parameters());
                 return EpochRecord{.validation_loss = losses.at(after.size() - 1)};
               }};
  FitProgress progress;
  const Parameters best = run_fit(fit, data, {.epochs = 7, .patience = 2}, progress, false);
  CHECK(progress.epochs.size() == 6);
  CHECK(progress.best_epoch == 3);
  CHECK(same_bytes(best, after[2]));
}

TEST_CASE("a loss that is not finite stops the run, and says where it came from", "[fit]") {
  FitData bad = data();
  const auto run = [&](Fit& fit, double rate) {
    FitProgress progress;
    run_fit(fit, bad, {.epochs = 20, .rate = rate}, progress, false);
  };
  Fit fit(small_model(), {});
  bad.epoch = epochs_of([](std::size_t epoch, std::size_t index) {
    Batch batch = batch_of(epoch, index);
    if (epoch == 1 && index == 2) batch.inputs.mutable_values<float>()[4] = NAN;
    return batch;
  });
  CHECK_THROWS_WITH(run(fit, 0.01),
                    Catch::Contains("epoch 2, batch 3, update 10") && Catch::Contains("input 'x'"));
  const Parameters kept = fit.parameters();
  for (const auto& [name, tensor] : kept)
    for (const float value : tensor.values<float>()) CHECK(std::isfinite(value));

  bad.epoch = epochs_of(batch_of);
  Fit wild(small_model(), {.loss = {.kind = LossKind::mse}, .optimiser = {.momentum = 0}});
  CHECK_THROWS_WITH(run(wild, 1e25), Catch::Contains("the first tensor that is not"));
}

TEST_CASE("what is prefetched comes in order, bounded, and with its failures", "[fit]") {
  std::atomic<int> made = 0;
  Prefetch<std::size_t> numbers(
      [&](std::size_t i) {
        ++made;
        if (i == 5) throw std::runtime_error("five");
        return i;
      },
      2, 9, 3);
  for (std::size_t i = 2; i < 5; ++i) {
    CHECK(numbers.next() == i);
    CHECK(made <= static_cast<int>(i) - 2 + 1 + 3);
  }
  CHECK_THROWS_WITH(numbers.next(), "five");
  CHECK(numbers.next() == 6);
  while (!numbers.done()) numbers.next();
  CHECK(made == 7);
}
