#include "tests/bench/ladder/prepare.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <numbers>

#include "tests/bench/ladder/har_features.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::bench;

namespace {

constexpr double kRate = 50;

Signal wave(double hz, std::size_t samples, double offset = 0) {
  Signal signal(samples);
  for (std::size_t t = 0; t < samples; ++t)
    signal[t] = offset + std::sin(2 * std::numbers::pi * hz * static_cast<double>(t) / kRate);
  return signal;
}

double loudest(const Signal& signal, std::size_t margin) {
  double most = 0;
  for (std::size_t t = margin; t + margin < signal.size(); ++t) most = std::max(most, std::abs(signal[t]));
  return most;
}

void write_idx(const std::filesystem::path& path, std::vector<unsigned char> bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// Two images of 1 × 3 pixels and their labels.
void write_images(const std::filesystem::path& folder, const std::string& part) {
  write_idx(folder / (part + "-images-idx3-ubyte"),
            {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255});
  write_idx(folder / (part + "-labels-idx1-ubyte"), {0, 0, 8, 1, 0, 0, 0, 2, 7, 0});
}

}  // namespace

TEST_CASE("the low-pass keeps gravity, drops motion, and delays nothing", "[ladder]") {
  const Signal level(500, 9.81);
  for (const double x : low_pass(level, 0.3, kRate)) CHECK(x == Approx(9.81));
  CHECK(loudest(low_pass(wave(3, 2000), 0.3, kRate), 200) < 1e-3);
  const Signal slow = wave(0.05, 4000), passed = low_pass(slow, 0.3, kRate);
  for (std::size_t t = 500; t < 3500; t += 100) CHECK(passed[t] == Approx(slow[t]).margin(0.01));
}

TEST_CASE("motion has 154 finite features, and stillness too", "[ladder]") {
  Motion motion;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    motion.body[axis] = wave(2 + static_cast<double>(axis), 128);
    motion.gravity[axis] = Signal(128, axis == 0 ? 1.0 : 0.0);
    motion.gyro[axis] = wave(1, 128);
  }
  const auto moving = motion_features(motion);
  CHECK(moving.size() == kMotionFeatures);
  for (Axes* axes : {&motion.body, &motion.gyro}) axes->fill(Signal(128, 0.0));
  const auto still = motion_features(motion);
  for (const float x : moving) CHECK(std::isfinite(x));
  for (const float x : still) CHECK(std::isfinite(x));
  CHECK(moving != still);
}

TEST_CASE("images are read as they were written, and a file cut short is refused", "[ladder]") {
  const TemporaryFolder folder;
  write_images(folder.path, "train");
  write_images(folder.path, "t10k");
  const DataSet data = prepare_images(folder.path);
  CHECK(data.train.inputs.shape() == engine::Shape{2, 3});
  CHECK(data.test.inputs.values<std::uint8_t>()[5] == 255);
  CHECK(data.train.classes == std::vector<learning::ClassIndex>{7, 0});
  std::filesystem::resize_file(folder / "train-images-idx3-ubyte", 20);
  CHECK_THROWS_WITH(prepare_images(folder.path), Catch::Contains("train-images-idx3-ubyte"));
}

TEST_CASE("prepared data come back as they were", "[ladder]") {
  const TemporaryFolder folder;
  write_images(folder.path, "train");
  write_images(folder.path, "t10k");
  const DataSet data = prepare_images(folder.path);
  write_data(folder / "prepared", data);
  const DataSet back = read_data(folder / "prepared");
  CHECK(std::ranges::equal(back.train.inputs.bytes(), data.train.inputs.bytes()));
  CHECK(back.test.classes == data.test.classes);
  CHECK(back.test.groups == data.test.groups);
}
