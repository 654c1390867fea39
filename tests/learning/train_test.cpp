#include "learning/train.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <numeric>
#include <stdexcept>

#include "engine/formats/npy.h"
#include "engine/session.h"
#include "learning/calibration.h"
#include "learning/step.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::learning;
using engine::DType;

namespace {

constexpr std::string_view kSpec = R"(model: tones
input: {rows: 32, channels: 2}
layers:
  - normalise
  - conv: {channels: 6, kernel: 5, padding: 2}
  - relu
  - max_pool: {size: 4}
  - flatten
  - linear: {units: 8}
  - relu
  - linear: {units: labels}
train: {epochs: 8, batch: 8, rate: 0.02, shift: 4, gain: 3, noise: 0.05, heldout: 0.2, seed: 3}
)";

/// Two labels that differ in frequency, as LABEL.npy [windows, time, channels]; far from zero mean and unit
/// scale.
void write_tones(const std::filesystem::path& folder, const std::string& label, double frequency,
                 std::uint64_t seed) {
  Random random(seed);
  Tensor windows(DType::f32, {40, 28, 2});
  const auto values = windows.mutable_values<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto time = static_cast<double>(i / 2 % 28);
    values[i] = static_cast<float>(50 + 20 * std::sin(frequency * time + double(i % 2)) + random.normal());
  }
  engine::write_npy((folder / (label + ".npy")).string(), windows);
}

struct Tones {
  TemporaryFolder folder;
  ModelSpec spec;
  Dataset data;
  Tones() {
    std::filesystem::create_directories(folder / "clips");
    write_tones(folder / "clips", "low", 0.4, 1);
    write_tones(folder / "clips", "high", 1.5, 2);
    std::ofstream(folder / "spec.yaml") << kSpec;
    spec = read_model_spec(folder / "spec.yaml");
    data = read_dataset(folder / "clips", {"low", "high"});
  }
};

}  // namespace

TEST_CASE("a specified model learns its clips, and its seed remembers them", "[train]") {
  Tones tones;
  std::vector<float> losses;
  const TrainedModel trained = train_model(
      tones.spec, tones.data, {}, [&](const TrainProgress& progress) { losses.push_back(progress.loss); });
  REQUIRE(losses.size() == 8);
  CHECK(losses.back() < losses.front());
  CHECK(trained.heldout_accuracy == 1.0);
  CHECK(trained.seed.labels == std::vector<std::string>{"low", "high"});
  CHECK(trained.seed.normaliser.mean[0] == Approx(50).margin(2));
  CHECK(trained.seed.replay.size() + trained.seed.heldout.size() == tones.data.size());
}

TEST_CASE("training is deterministic under its seed", "[train]") {
  Tones tones;
  const auto train = [&](std::uint64_t seed) {
    tones.spec.train.seed = seed;
    return train_model(tones.spec, tones.data, {}, [](const TrainProgress&) {}).seed.replay.latents;
  };
  const Tensor first = train(5), again = train(5), other = train(6);
  CHECK(std::ranges::equal(first.bytes(), again.bytes()));
  CHECK_FALSE(std::ranges::equal(first.bytes(), other.bytes()));
}

TEST_CASE("a seed made for a finished graph is that of its own latents", "[train]") {
  Tones tones;
  const TrainedModel trained = train_model(tones.spec, tones.data, {}, [](const TrainProgress&) {});
  const auto cut = trained.graph.find("features");
  REQUIRE(cut);
  const Seed seed = seed_model(trained.graph, *cut, tones.data, true, {.heldout_fraction = 0.2}, {});
  CHECK(seed.latent_size() == 8);
  CHECK(seed.heldout.size() == 16);
}

TEST_CASE("a folder without clips of a label is refused by name", "[train]") {
  Tones tones;
  try {
    read_dataset(tones.folder / "clips", {"low", "middle"});
    FAIL("read");
  } catch (const Failure& failure) {
    CHECK_THAT(failure.error().context, Catch::Contains("middle"));
  }
  CHECK_THROWS_AS(read_dataset(tones.folder / "nowhere"), Failure);
}

TEST_CASE("a model is fine-tuned to what it does not know", "[train]") {
  Tones tones;
  const TrainedModel trained = train_model(tones.spec, tones.data, {}, [](const TrainProgress&) {});
  // The other way round, and higher.
  write_tones(tones.folder / "clips", "first", 1.5, 5);
  write_tones(tones.folder / "clips", "second", 0.4, 6);
  write_tones(tones.folder / "clips", "third", 2.4, 7);
  const Dataset data = read_dataset(tones.folder / "clips", {"first", "second", "third"});
  TrainOptions options = tones.spec.train;
  options.epochs = 12;
  const auto parameters = [](const engine::Graph& graph) { return parameters_by_name(graph); };
  const Parameters before = parameters(trained.graph);
  const auto changed = [&](const TrainedModel& now) {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : parameters(now.graph))
      if (const auto was = before.find(name);
          was != before.end() && !std::ranges::equal(tensor.bytes(), was->second.bytes()))
        names.push_back(name);
    return names.size();
  };
  const auto tune = [&](std::string_view word) {
    return fine_tune(trained.graph, data, *parse_trainable(word), trained.seed.normaliser, options, {},
                     [](const TrainProgress&) {});
  };
  const TrainedModel all = tune("all"), head = tune("head.*"), lora = tune("lora(4)");
  for (const TrainedModel* const now : {&all, &head, &lora}) {
    CHECK(now->heldout_accuracy >= 0.9);
    CHECK(now->seed.labels == data.labels);
    CHECK(now->graph.value(now->graph.outputs()[0]).shape[1] == 3);
  }
  CHECK(changed(all) == before.size() - 2);  // all but what samples are normalised with
  CHECK(changed(head) == 2);                 // weights and bias of the last layer
}

TEST_CASE("a run of training that was cut off ends as if it had not been", "[train]") {
  Tones tones;
  tones.spec.train.checkpoint_every = 2;
  const auto quiet = [](const TrainProgress&) {};
  const TrainedModel whole = train_model(tones.spec, tones.data, {}, quiet);
  TrainRun run{.checkpoint = tones.folder.file("run.safetensors"), .resume = true};
  run.on_update = [](const TrainProgress& progress) {
    if (progress.epoch == 3 && progress.batch == 5) throw std::runtime_error("unplugged");
  };
  CHECK_THROWS_WITH(train_model(tones.spec, tones.data, {}, quiet, run), "unplugged");
  run.on_update = {};
  const TrainedModel resumed = train_model(tones.spec, tones.data, {}, quiet, run);
  const Parameters a = parameters_by_name(whole.graph), b = parameters_by_name(resumed.graph);
  REQUIRE(a.size() == b.size());
  for (const auto& [name, tensor] : a) CHECK(std::ranges::equal(tensor.bytes(), b.at(name).bytes()));
  tones.spec.train.epochs += 1;
  CHECK_THROWS_WITH(train_model(tones.spec, tones.data, {}, quiet, run), Catch::Contains("--resume"));
}

TEST_CASE("every update rule, loss and schedule trains a specified model", "[train]") {
  Tones tones;
  const auto accuracy = [&](const std::string& settings) {
    INFO(settings);
    std::ofstream(tones.folder / "train.yaml") << settings;
    tones.spec.train = config::read<TrainOptions>(config::load_file(tones.folder / "train.yaml"));
    return train_model(tones.spec, tones.data, {}, [](const TrainProgress&) {}).heldout_accuracy;
  };
  const std::string start = "{epochs: 10, batch: 8, heldout: 0.2, seed: 3, ";
  CHECK(accuracy(start +
                 "rate: 0.01, optimiser: {rule: adamw, weight_decay: 0.01}, schedule: {warm_up: 5}}") == 1);
  CHECK(accuracy(start + "rate: 0.003, optimiser: {rule: rmsprop}, schedule: {kind: step, every: 4}}") == 1);
  CHECK(
      accuracy(start +
               "rate: 0.003, optimiser: {rule: lion, beta2: 0.99, average: 0.9}, class_weights: balanced}") ==
      1);
  CHECK(accuracy(start + "rate: 0.02, loss: binary_cross_entropy, schedule: {kind: one_cycle}}") == 1);
  CHECK(
      accuracy(start +
               "rate: 0.02, loss: huber, optimiser: {clip_norm: 1}, schedule: {kind: plateau}, test: 0.2}") ==
      1);
}

TEST_CASE("a student learns its teacher's soft answers, whatever the labels say", "[train]") {
  Tones tones;
  const auto quiet = [](const TrainProgress&) {};
  const TrainedModel taught = train_model(tones.spec, tones.data, {}, quiet);
  TeacherModel teacher{taught.graph, taught.seed.normaliser, {"low", "high"}};
  // The labels in another order, and every one wrong.
  Dataset data = read_dataset(tones.folder / "clips", {"high", "low"});
  for (ClassIndex& label : data.classes) label = 1 - label;
  tones.spec.train.seed = 8;
  tones.spec.train.epochs = 12;
  tones.spec.train.distillation = {.teacher = {}, .weight = 1, .temperature = 3};
  const TrainRun run{.teacher = &teacher};
  const TrainedModel student = train_model(tones.spec, data, {}, quiet, run);
  CHECK(student.heldout_accuracy == 0);
  const ClipInputs inputs(data, taught.graph.value(taught.graph.inputs()[0]).shape, 2, teacher.normaliser);
  Rows rows(data.size());
  std::iota(rows.begin(), rows.end(), 0);
  const auto answers = [&](const engine::Graph& graph) {
    return probabilities(engine::Session(graph, {}).run(std::array{inputs.batch(rows)})[0], 1);
  };
  const Tensor wanted = answers(taught.graph), given = answers(student.graph);
  double apart = 0;
  for (std::size_t i = 0; i < rows.size(); ++i)  // of "low"
    apart += std::abs(double{wanted.values<float>()[2 * i]} - double{given.values<float>()[2 * i + 1]});
  CHECK(apart / double(rows.size()) < 0.05);

  tones.spec.train.distillation.weight = 0;
  CHECK(train_model(tones.spec, data, {}, quiet, run).heldout_accuracy == 1);
  teacher.labels = {"low", "middle"};
  CHECK_THROWS_WITH(train_model(tones.spec, data, {}, quiet, run),
                    Catch::Contains("'high'; it knows low, middle"));
}
