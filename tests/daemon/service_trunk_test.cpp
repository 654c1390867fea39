// Nights that move the trunk: memory is seen anew, and everything changes at once.

#include <catch2/catch.hpp>

#include "tests/daemon/running_service.h"
#include "tests/temporary_folder.h"

namespace dormouse::daemon {
namespace {

constexpr std::uint64_t kSeed = 11;
constexpr std::size_t kTaught = 40;

struct Moving : Device {
  Moving() : Device(kSeed) {
    options.models[0].trainable = {{}, 0, true};
    start();
  }
  void teach(const std::string& colour, std::size_t count = kTaught) { Device::teach(colour, count); }
  std::vector<float> latents() {
    std::vector<float> all;
    for (const RowAnswer& row : running->ask(model.probes(3)).result.rows)
      all.insert(all.end(), row.latent.begin(), row.latent.end());
    return all;
  }
  std::vector<float> probes() { return Device::probes(3); }
  const Served& served() { return running->service().model("colours").served; }
  std::int64_t embedding() {
    return running->on_storage([&] { return running->service().store().embedding_version("colours"); });
  }
  std::size_t fresh_accuracy(const std::string& colour) {
    std::size_t right = 0;
    for (std::uint64_t i = 0; i < 20; ++i) {
      const Answered answered = running->ask(model.example(colour, 900 + i));
      right += answered.labels()[answered.result.rows[0].decision.predicted] == colour;
    }
    return right;
  }
};

TEST_CASE("a night moves the trunk, sees memory anew, and can be undone", "[nights]") {
  INFO("seed " << kSeed);
  Moving device;
  const auto shipped = device.latents();
  device.teach("grey");
  const auto awake = device.probes();
  const memory::SleepRecord night = device.sleep();
  INFO(night.report);
  REQUIRE(night.state == memory::SleepState::accepted);
  const boost::json::value report = boost::json::parse(night.report);
  CHECK(report.at("reembedding").at("embedded") == kTaught);
  CHECK(report.at("reembedding").at("retired") == 0);

  const auto moved = device.latents();
  const auto slept = device.probes();
  CHECK(moved != shipped);
  CHECK(device.embedding() == night.id);
  CHECK(device.served().embedding_version == night.id);
  CHECK(device.fresh_accuracy("grey") >= 18);
  CHECK(device.fresh_accuracy("red") >= 16);
  // What is nearest to an episode's own input is that episode, as the new trunk sees it.
  const Answered again = device.running->ask(device.model.example("grey", 1));
  const auto nearest = device.served().index->search(again.result.rows[0].latent, 1, {});
  CHECK(nearest.at(0).distance < 0.05f * device.served().typical_distance);

  device.start();
  CHECK(device.latents() == moved);
  CHECK(device.probes() == slept);
  device.running->wait(device.running->service().roll_back("colours", 0));
  CHECK(device.embedding() == 0);
  CHECK(device.latents() == shipped);
  CHECK(device.probes() == awake);
  device.running->wait(device.running->service().roll_back("colours", 1));
  CHECK(device.latents() == moved);
  CHECK(device.probes() == slept);
}

TEST_CASE("episodes without an input are retired, and come back with their trunk", "[nights]") {
  Moving device;
  device.options.memory.working.inputs = {0};
  device.start();
  device.teach("pink", 5);
  device.options.memory.working.inputs = {4 << 20};
  device.start();
  device.teach("pink");
  const memory::SleepRecord night = device.sleep();
  INFO(night.report);
  REQUIRE(night.state == memory::SleepState::accepted);
  CHECK(boost::json::parse(night.report).at("reembedding").at("retired") == 5);
  const auto labelled = [&] {
    return device.running->on_storage(
        [&] { return device.running->service().store().statistics().labelled; });
  };
  CHECK(labelled() == kTaught + 5);
  device.running->wait(device.running->service().roll_back("colours", 0));
  CHECK(device.running->on_storage(
            [&] { return device.running->service().store().without_latent("colours", 0); }) == 0);
}

TEST_CASE("after a power cut re-embedding goes on where it stopped", "[nights]") {
  Moving device;
  device.teach("grey");
  // What the first night, number 1, had set aside when the power went; it comes to the same trunk again.
  device.running->on_storage([&] {
    memory::Store& store = device.running->service().store();
    std::vector<memory::NewLatent> made;
    for (const memory::KeptInput& kept : store.outdated("colours", 1, 15))
      made.push_back({kept.id, memory::quantise(std::vector<float>(16, 1.0f))});
    store.set_aside(made, 1);
  });
  const memory::SleepRecord night = device.sleep();
  INFO(night.report);
  REQUIRE(night.state == memory::SleepState::accepted);
  CHECK(boost::json::parse(night.report).at("reembedding").at("embedded") == kTaught - 15);
  CHECK(boost::json::parse(night.report).at("reembedding").at("retired") == 0);
}

TEST_CASE("a night that may move the trunk refuses when too few inputs are kept, and says so", "[nights]") {
  Moving device;
  device.teach("grey", 4);
  CHECK_THROWS_WITH(device.sleep(), Catch::Contains("grey") && Catch::Contains("keep_inputs"));
  CHECK(device.running->on_storage([&] { return device.running->service().store().sleeps(5).empty(); }));
}

TEST_CASE("a trial leaves memory as it is", "[nights]") {
  Moving device;
  device.teach("grey");
  const auto awake = device.probes();
  CHECK(device.sleep(true).state == memory::SleepState::rejected);
  CHECK(device.embedding() == 0);
  CHECK(device.probes() == awake);
}

TEST_CASE("adapters and heads learn above a trunk that a night moved", "[nights]") {
  Moving device;
  device.teach("grey");
  REQUIRE(device.sleep().state == memory::SleepState::accepted);
  const auto moved = device.latents();
  const std::int64_t embedding = device.embedding();
  device.options.models[0].trainable = {};
  device.start();
  CHECK(device.latents() == moved);
  device.teach("gold");
  const memory::SleepRecord night = device.sleep();
  INFO(night.report);
  REQUIRE(night.state == memory::SleepState::accepted);
  CHECK(device.latents() == moved);
  CHECK(device.embedding() == embedding);
  device.start();
  CHECK(device.latents() == moved);
  CHECK(device.fresh_accuracy("gold") >= 18);
}

}  // namespace
}  // namespace dormouse::daemon
