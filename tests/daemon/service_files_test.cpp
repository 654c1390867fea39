// What becomes of versions and memory when another file takes a model's place.

#include <catch2/catch.hpp>

#include "tests/daemon/running_service.h"

namespace dormouse::daemon {
namespace {

constexpr std::uint64_t kSeed = 11, kOther = 12;
constexpr std::size_t kTaught = 40;

struct Replaced : Device {
  Replaced() : Device(kSeed) {
    start();
    shipped = served().index->size();
  }
  /// A model of the same shape that was trained on the same world.
  void replace(std::uint64_t seed) {
    running.reset();
    SmallModel(seed).write(folder.file(""), "colours");
    start();
  }
  const Served& served() { return running->service().model("colours").served; }
  std::size_t shipped = 0;  ///< latents of the seed
  template <class Work>
  auto of_store(Work work) {
    return running->on_storage([&] { return work(running->service().store()); });
  }
};

}  // namespace

TEST_CASE("another file answers without the versions that were learnt on the one before", "[files]") {
  INFO("seeds " << kSeed << ", " << kOther);
  Device fresh(kOther);
  fresh.start();
  Replaced device;
  device.teach("grey", kTaught);
  REQUIRE(device.sleep().state == memory::SleepState::accepted);
  REQUIRE(device.served().model->version == 1);
  const auto learnt = device.probes(3);

  device.replace(kOther);
  CHECK(device.served().model->version == 0);
  CHECK(device.served().embedding_version == -1);
  CHECK(device.of_store([](const memory::Store& store) { return store.active_version("colours"); }) == 0);
  // Inputs that were kept are seen with it; labels are what people said.
  CHECK(device.of_store([](const memory::Store& store) { return store.without_latent("colours", -1); }) == 0);
  CHECK(device.served().model->labels.back() == "grey");
  CHECK(device.served().index->size() == device.shipped + kTaught);
  const auto latents = [&](Device& one) {
    std::vector<float> all;
    for (const RowAnswer& row : one.running->ask(device.model.probes(3)).result.rows)
      all.insert(all.end(), row.latent.begin(), row.latent.end());
    return all;
  };
  CHECK(latents(device) == latents(fresh));
  CHECK_THROWS_WITH(device.running->wait(device.running->service().roll_back("colours", 1)),
                    Catch::Contains("another file"));
  const memory::SleepRecord night = device.sleep();  // it learns like any other
  INFO(night.report);
  REQUIRE(night.state == memory::SleepState::accepted);
  CHECK(device.served().model->version == 2);

  device.replace(kSeed);  // and back, to what it learnt last
  CHECK(device.served().model->version == 1);
  CHECK(device.served().embedding_version == 0);
  CHECK_THROWS_WITH(device.running->wait(device.running->service().roll_back("colours", 2)),
                    Catch::Contains("another file"));
  CHECK(device.probes(3) == learnt);
}

TEST_CASE("what was answered with another file and cannot be seen anew compares with nothing", "[files]") {
  Replaced device;
  device.options.memory.working.inputs = {0};
  device.start();
  device.teach("grey", kTaught);
  device.replace(kOther);
  CHECK(device.of_store([](const memory::Store& store) { return store.without_latent("colours", -1); }) ==
        kTaught);
  CHECK(device.served().index->size() == device.shipped);
  device.replace(kSeed);
  CHECK(device.served().index->size() == device.shipped + kTaught);
  device.start();
  CHECK(device.served().embedding_version == 0);
}

}  // namespace dormouse::daemon
