#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>

#include "engine/formats/npy.h"
#include "learning/random.h"
#include "tests/torture/dormouse_process.h"

namespace dormouse::daemon {
namespace {

constexpr std::string_view kSpec = R"(model: waves
input: {rows: 32, channels: 2}
layers:
  - conv: {channels: 8, kernel: 5, padding: 2}
  - relu
  - flatten
  - linear: {units: 32}
  - relu
  - linear: {units: labels}
train:
  {epochs: 12, batch: 8, rate: 0.002, noise: 0.1, shift: 4, checkpoint_every: 3, seed: 5,
   optimiser: {rule: adamw, average: 0.9}}
)";

void write_waves(const TemporaryFolder& folder, const std::string& label, double frequency) {
  learning::Random random(static_cast<std::uint64_t>(frequency * 100));
  engine::Tensor windows(engine::DType::f32, {60, 30, 2});
  const auto values = windows.mutable_values<float>();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] =
        static_cast<float>(std::sin(frequency * double(i / 2 % 30) + double(i % 2)) + random.normal());
  engine::write_npy(folder.file("waves/" + label + ".npy"), windows);
}

}  // namespace

TEST_CASE("training that is killed again and again ends as if it had never been", "[torture]") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("waves"));
  write_waves(folder, "slow", 0.5);
  write_waves(folder, "fast", 1.1);
  write_file(folder, "spec.yaml", std::string(kSpec));
  const auto arguments = [&](const std::string& output) {
    return std::vector<std::string>{"train",    folder.file("spec.yaml"), folder.file("waves"),
                                    "--output", folder.file(output),      "--resume"};
  };
  const Ended whole = run_dormouse(folder, arguments("whole.onnx"));
  INFO(whole.output);
  REQUIRE(whole.code == 0);

  constexpr std::uint64_t kSeed = 11;
  INFO("seed " << kSeed);
  learning::Random random(kSeed);
  std::size_t kills = 0, attempts = 0;
  while (kills < 8 && attempts++ < 40) {
    std::filesystem::remove(folder.file("cut.onnx"));
    // It dies as soon as it has written so many checkpoints more, whatever it is doing then.
    if (kill_when_replaced(folder, arguments("cut.onnx"), folder.file("cut.checkpoint.safetensors"),
                           1 + random.below(3)))
      ++kills;
    else
      std::filesystem::remove(folder.file("cut.checkpoint.safetensors"));  // it came to its end: once more
  }
  CHECK(kills == 8);
  const Ended last = run_dormouse(folder, arguments("cut.onnx"));
  INFO(last.output);
  REQUIRE(last.code == 0);
  CHECK(read_file(folder.file("cut.onnx")) == read_file(folder.file("whole.onnx")));
  CHECK(read_file(folder.file("cut.seed.safetensors")) == read_file(folder.file("whole.seed.safetensors")));
}

}  // namespace dormouse::daemon
