// What a night may change: adapters in front of the head, or weights by name.

#include <catch2/catch.hpp>

#include "tests/daemon/running_service.h"
#include "tests/temporary_folder.h"

namespace dormouse::daemon {
namespace {

constexpr std::uint64_t kSeed = 5;

/// A device whose model learns through adapters, and is taught grey.
struct Adapted : Device {
  Adapted() : Device(kSeed) {
    options.models[0].trainable = {{}, 4};
    start();
  }
  memory::SleepRecord sleep_after_grey() {
    teach("grey", 40);
    return sleep();
  }
  /// The slow head's answers, and the latents.
  std::pair<std::vector<float>, std::vector<float>> computed() {
    const auto answered = running->ask(model.probes(5)).result;
    const auto logits = answered.outputs.at(0).values<float>();
    std::pair<std::vector<float>, std::vector<float>> both{{logits.begin(), logits.end()}, {}};
    for (const RowAnswer& row : answered.rows)
      both.second.insert(both.second.end(), row.latent.begin(), row.latent.end());
    return both;
  }
};

TEST_CASE("a night trains adapters, keeps them with the version, and leaves the latent alone", "[nights]") {
  INFO("seed " << kSeed);
  Adapted device;
  const auto shipped = device.computed();
  const memory::SleepRecord night = device.sleep_after_grey();
  INFO(night.report);
  REQUIRE(night.state == memory::SleepState::accepted);
  const auto slept = device.computed();
  CHECK(slept.first != shipped.first);
  CHECK(slept.second == shipped.second);

  const auto version =
      device.running->on_storage([&] { return device.running->service().versions("colours").load(1); });
  std::vector<std::string> kept;
  for (const auto& [name, tensor] : version.weights) kept.push_back(name);
  CHECK(kept == std::vector<std::string>{"features.adapter.down", "features.adapter.shift",
                                         "features.adapter.up", "head.bias", "head.weight"});
  const auto up = version.weights.at("features.adapter.up").values<float>();
  CHECK(std::ranges::any_of(up, [](float u) { return u != 0; }));

  device.start();
  CHECK(device.computed() == slept);
  device.running->wait(device.running->service().roll_back("colours", 0));
  CHECK(device.computed() == shipped);
}

TEST_CASE("a version made with adapters does not fit a model without, and is passed over", "[nights]") {
  Adapted device;
  const auto shipped = device.computed();
  REQUIRE(device.sleep_after_grey().state == memory::SleepState::accepted);
  device.options.models[0].trainable = {};
  device.start();
  CHECK(device.computed().first == shipped.first);
}

TEST_CASE("names that the model does not have are refused at the start", "[nights]") {
  const TemporaryFolder folder;
  SmallModel(kSeed).write(folder.file(""), "colours");
  Options options = small_options(folder);
  options.models[0].trainable = {{"fc3.*"}, 0};
  CHECK_THROWS_WITH(RunningService(options, folder),
                    Catch::Contains("colours") && Catch::Contains("fc3.*") && Catch::Contains("head.weight"));
}

}  // namespace
}  // namespace dormouse::daemon
