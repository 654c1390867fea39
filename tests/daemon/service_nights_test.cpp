#include <catch2/catch.hpp>
#include <fstream>

#include "tests/daemon/running_service.h"

namespace dormouse::daemon {
namespace {

constexpr std::uint64_t kSeed = 23;

struct Bedroom {
  Bedroom() {
    model.write(folder.file(""), "colours");
    options = small_options(folder);
    start();
  }
  void start() {
    running.reset();
    running.emplace(options, folder);
  }
  void teach_grey(const std::string& name = "colours") {
    for (std::uint64_t i = 0; i < 20; ++i) running->teach(model.example("grey", i), "grey", name);
  }
  std::int64_t version() { return running->ask(model.probes(1)).version; }
  std::vector<float> probes() { return running->probabilities(model.probes(4)); }
  NightRequest night(bool trial = false) const { return {"colours", learning::Strategy::replay, trial, {}}; }

  TemporaryFolder folder;
  SmallModel model{kSeed};
  Options options;
  std::optional<RunningService> running;
};

void damage(const std::string& file) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  REQUIRE(stream.good());
  stream.seekp(-9, std::ios::end);
  stream.put('\x5a');
}

TEST_CASE("an accepted night puts a new version in service; it can be rolled back and forward", "[nights]") {
  INFO("seed " << kSeed);
  Bedroom bedroom;
  bedroom.teach_grey();
  const auto awake = bedroom.probes();
  const memory::SleepRecord sleep = bedroom.running->sleep(bedroom.night());
  INFO(sleep.report);
  REQUIRE(sleep.state == memory::SleepState::accepted);
  REQUIRE(bedroom.version() == 1);
  const auto slept = bedroom.probes();
  CHECK(slept != awake);

  bedroom.running->wait(bedroom.running->service().roll_back("colours", 0));
  CHECK(bedroom.version() == 0);
  CHECK(bedroom.probes() == awake);
  bedroom.start();
  CHECK(bedroom.version() == 0);
  bedroom.running->wait(bedroom.running->service().roll_back("colours", 1));
  CHECK(bedroom.probes() == slept);
  bedroom.start();
  CHECK(bedroom.version() == 1);
  CHECK(bedroom.probes() == slept);
}

TEST_CASE("a trial is kept for inspection and changes nothing, not even after a refused rollback",
          "[nights]") {
  Bedroom bedroom;
  bedroom.teach_grey();
  const auto awake = bedroom.probes();
  CHECK(bedroom.running->sleep(bedroom.night(true)).state == memory::SleepState::rejected);
  CHECK(bedroom.version() == 0);
  CHECK(bedroom.probes() == awake);
  CHECK(
      bedroom.running->wait(bedroom.running->service().infer_version("colours", 1, {bedroom.model.probes(1)}))
          .version == 1);

  CHECK_THROWS_WITH(bedroom.running->wait(bedroom.running->service().roll_back("colours", 1)),
                    Catch::Contains("rejected"));
  const auto taught = bedroom.running->teach(bedroom.model.example("grey", 50), "grey");  // publishes anew
  CHECK(taught.label == "grey");
  CHECK(bedroom.version() == 0);
}

TEST_CASE("versions that are not there cannot be used", "[nights]") {
  Bedroom bedroom;
  for (const std::int64_t version : {1, 77, -1}) {
    CHECK_THROWS_AS(bedroom.running->wait(bedroom.running->service().roll_back("colours", version)), Failure);
    CHECK_THROWS_AS(bedroom.running->wait(bedroom.running->service().infer_version(
                        "colours", version, {bedroom.model.probes(1)})),
                    Failure);
  }
  CHECK(bedroom.version() == 0);
}

TEST_CASE("one night at a time, and it ends when it is told to", "[nights]") {
  Bedroom bedroom;
  bedroom.options.sleep.cycle.steps = 100'000'000;
  bedroom.start();
  bedroom.teach_grey();
  const std::int64_t id = bedroom.running->wait(bedroom.running->nights().start(bedroom.night()));
  CHECK_THROWS_WITH(bedroom.running->wait(bedroom.running->nights().start(bedroom.night())),
                    Catch::Contains("running"));
  CHECK(bedroom.version() == 0);  // requests pass
  bedroom.running->on_io([&] { bedroom.running->nights().stop(); });
  while (bedroom.running->on_io([&] { return bedroom.running->nights().asleep(); }))
    std::this_thread::yield();
  CHECK(bedroom.running->on_storage([&] { return bedroom.running->service().store().sleep(id)->state; }) ==
        memory::SleepState::stopped);
}

TEST_CASE("no night begins once nights were stopped, not even one already asked for", "[nights]") {
  Bedroom bedroom;
  bedroom.options.sleep.cycle.steps = 100'000'000;
  bedroom.start();
  bedroom.teach_grey();
  auto asked = bedroom.running->on_io([&] {
    auto task = bedroom.running->nights().start(bedroom.night());
    auto started =
        boost::asio::co_spawn(bedroom.running->service().io(), std::move(task), boost::asio::use_future);
    boost::asio::post(bedroom.running->service().io(), [&] { bedroom.running->nights().stop(); });
    return started;
  });
  try {
    asked.get();
  } catch (const Failure&) {
    // refused in time: as good
  }
  while (bedroom.running->on_io([&] { return bedroom.running->nights().asleep(); }))
    std::this_thread::yield();
  CHECK_THROWS_AS(bedroom.running->wait(bedroom.running->nights().start(bedroom.night())), Failure);
}

TEST_CASE("a damaged version is passed over for the last good one", "[nights]") {
  Bedroom bedroom;
  bedroom.teach_grey();
  const auto awake = bedroom.probes();
  REQUIRE(bedroom.running->sleep(bedroom.night()).state == memory::SleepState::accepted);
  bedroom.running.reset();
  const std::string file = GENERATE("weights.safetensors", "manifest.json");
  damage(bedroom.folder.file("state/models/colours/1/" + file));
  bedroom.start();
  CHECK(bedroom.version() == 0);
  CHECK(bedroom.probes() == awake);
  CHECK_THROWS_AS(bedroom.running->wait(bedroom.running->service().roll_back("colours", 1)), Failure);
}

TEST_CASE("a version that does not fit a changed model is passed over", "[nights]") {
  Bedroom bedroom;
  bedroom.teach_grey();
  REQUIRE(bedroom.running->sleep(bedroom.night()).state == memory::SleepState::accepted);
  bedroom.running.reset();
  bedroom.model.write(bedroom.folder.file(""), "colours", 24);
  bedroom.start();
  CHECK(bedroom.version() == 0);
}

TEST_CASE("idle and taught enough, a model sleeps by itself, whichever it is", "[nights]") {
  Bedroom bedroom;
  bedroom.running.reset();
  ModelOptions twin = bedroom.options.models[0];
  twin.name = "twin";
  bedroom.options.models.push_back(twin);
  bedroom.options.sleep.idle = std::chrono::milliseconds(0);
  bedroom.options.sleep.every = 15;
  bedroom.start();
  bedroom.running->on_io([&] { bedroom.running->nights().consider(); });
  bedroom.teach_grey("twin");
  bedroom.start();  // what was taught before a restart counts too
  bedroom.running->on_io([&] { bedroom.running->nights().consider(); });
  while (bedroom.running->on_io([&] { return bedroom.running->nights().asleep(); }))
    std::this_thread::yield();
  const auto slept = [&] {
    return bedroom.running->on_storage([&] { return bedroom.running->service().store().sleeps(9); });
  };
  REQUIRE(slept().size() == 1);
  CHECK(slept()[0].model == "twin");
  bedroom.running->on_io([&] { bedroom.running->nights().consider(); });
  bedroom.start();
  bedroom.running->on_io([&] { bedroom.running->nights().consider(); });
  CHECK(slept().size() == 1);  // nothing new since
}

}  // namespace
}  // namespace dormouse::daemon
