#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "daemon/verbs/quantize_data.h"
#include "daemon/verbs/verb.h"
#include "drivers/all_drivers.h"
#include "engine/formats/onnx.h"
#include "engine/session.h"
#include "tests/temporary_folder.h"

namespace dormouse::daemon {
namespace {

using engine::Session;
using engine::Tensor;

const std::filesystem::path kDemo = DORMOUSE_DEMO;

int dormouse(const std::vector<std::string>& words) { return run_command_line(words); }

std::size_t best(const Tensor& scores) {
  const auto values = scores.values<float>();
  return static_cast<std::size_t>(std::ranges::max_element(values) - values.begin());
}

/// The share of `runs` of which both models say the same.
double agreement(const std::string& a, const std::string& b, const std::vector<engine::Batch>& runs) {
  const Session left(engine::read_onnx(a), drivers::all_drivers()),
      right(engine::read_onnx(b), drivers::all_drivers());
  std::size_t same = 0;
  for (const engine::Batch& run : runs) same += best(left.run(run)[0]) == best(right.run(run)[0]);
  return static_cast<double>(same) / static_cast<double>(runs.size());
}

}  // namespace

TEST_CASE("the demo's model quantised hears the same words", "[quantize]") {
  const TemporaryFolder folder;
  const std::string model = (kDemo / "words.onnx").string();
  const auto runs = read_runs(kDemo / "recordings/test", model, engine::read_onnx(model), 300);
  REQUIRE(runs.size() >= 100);
  SECTION("statically, calibrated on other recordings") {
    const std::string output = folder.file("static.onnx");
    REQUIRE(dormouse({"quantize", model, "-o", output, "--data", (kDemo / "recordings/teach").string()}) ==
            kOk);
    CHECK(agreement(model, output, runs) >= 0.97);
    CHECK(std::filesystem::file_size(output) < std::filesystem::file_size(model) * 7 / 10);
  }
  SECTION("dynamically, without data") {
    const std::string output = folder.file("dynamic.onnx");
    REQUIRE(dormouse({"quantize", model, "-o", output, "--dynamic"}) == kOk);
    CHECK(agreement(model, output, runs) >= 0.97);
  }
}

TEST_CASE("quantize says what is missing", "[quantize]") {
  const std::string model = (kDemo / "words.onnx").string();
  CHECK(dormouse({"quantize"}) == kUsage);
  CHECK(dormouse({"quantize", model}) == kUsage);
  CHECK(dormouse({"quantize", model, "--data", "x", "--dynamic"}) == kUsage);
  CHECK(dormouse({"quantize", model, "--data", "x", "--runs", "0"}) == kUsage);
  const TemporaryFolder empty;
  CHECK(dormouse({"quantize", model, "-o", empty.file("out.onnx"), "--data", empty.path.string()}) ==
        kFailed);
  CHECK_FALSE(std::filesystem::exists(empty.file("out.onnx")));
}

}  // namespace dormouse::daemon
