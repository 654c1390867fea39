#include "learning/train.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>

#include "engine/formats/npy.h"
#include "engine/session.h"
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
