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
  boost::json::object status() {
    return running->on_io([this] { return running->nights().status(); });
  }
  void wait_until_awake() {
    while (running->on_io([this] { return running->nights().asleep(); })) std::this_thread::yield();
  }
  memory::SleepRecord record(std::int64_t id) {
    return running->on_storage([&] { return *running->service().store().sleep(id); });
  }
  NightRequest night(bool trial = false) const { return {"colours", learning::Strategy::replay_ewc, trial, {}}; }

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
  bedroom.wait_until_awake();
  CHECK(bedroom.record(id).state == memory::SleepState::stopped);
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
  bedroom.wait_until_awake();
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
  bedroom.running->wait(bedroom.running->nights().consider());
  bedroom.teach_grey("twin");
  bedroom.start();  // what was taught before a restart counts too
  bedroom.running->wait(bedroom.running->nights().consider());
  bedroom.wait_until_awake();
  const auto slept = [&] {
    return bedroom.running->on_storage([&] { return bedroom.running->service().store().sleeps(9); });
  };
  REQUIRE(slept().size() == 1);
  CHECK(slept()[0].model == "twin");
  bedroom.running->wait(bedroom.running->nights().consider());
  bedroom.start();
  bedroom.running->wait(bedroom.running->nights().consider());
  CHECK(slept().size() == 1);  // nothing new since
}

TEST_CASE("on battery no night begins, and a running one ends politely and says why", "[nights]") {
  Bedroom bedroom;
  bedroom.options.sleep.cycle.steps = 100'000'000;
  bedroom.start();
  bedroom.teach_grey();
  const FakeBoard board(bedroom.folder);
  board.supply("BAT0", "Battery", "status", "Discharging");
  CHECK_THROWS_WITH(bedroom.running->wait(bedroom.running->nights().start(bedroom.night())),
                    Catch::Contains("on battery"));
  board.supply("BAT0", "Battery", "status", "Charging");
  const std::int64_t id = bedroom.running->wait(bedroom.running->nights().start(bedroom.night()));
  board.supply("BAT0", "Battery", "status", "Discharging");
  bedroom.wait_until_awake();
  const memory::SleepRecord record = bedroom.record(id);
  CHECK(record.state == memory::SleepState::stopped);
  CHECK(boost::json::parse(record.report).at("reason") == "on battery");
  CHECK(bedroom.version() == 0);
}

TEST_CASE("too hot, a night pauses; cooled down, it goes on", "[nights]") {
  Bedroom bedroom;
  bedroom.options.sleep.cycle.budget_seconds = 1e9;
  bedroom.start();
  bedroom.teach_grey();
  const FakeBoard board(bedroom.folder);
  board.temperature(90);
  const std::int64_t id = bedroom.running->wait(bedroom.running->nights().start(bedroom.night()));
  while (bedroom.status().at("stage") != "too hot, pausing") std::this_thread::yield();
  board.temperature(69);
  bedroom.wait_until_awake();
  CHECK(bedroom.record(id).state == memory::SleepState::accepted);
}

TEST_CASE("a spent energy budget brings what was learnt to the dream check", "[nights]") {
  Bedroom bedroom;
  bedroom.options.sleep.cycle.steps = 100'000'000;
  bedroom.options.sleep.energy = 0.02;
  bedroom.options.sleep.watts = 1;
  bedroom.start();
  bedroom.teach_grey();
  const memory::SleepRecord record = bedroom.running->sleep(bedroom.night());
  const auto report = boost::json::parse(record.report);
  CHECK((record.state == memory::SleepState::accepted || record.state == memory::SleepState::rejected));
  CHECK(report.at("stopped").as_bool());
  CHECK(report.at("notes").at(0) == "the energy budget was spent before the last step");
  CHECK(report.at("energy").at("joules").to_number<double>() >= 0.02);
  CHECK_THAT(std::string(report.at("energy").at("source").as_string()), Catch::Contains("at 1 W"));
}

TEST_CASE("status says why no night begins", "[nights]") {
  Bedroom bedroom;
  bedroom.options.sleep.idle = std::chrono::milliseconds(0);
  bedroom.options.sleep.every = 50;
  bedroom.start();
  bedroom.teach_grey();
  CHECK(bedroom.status().at("waits").at("colours") == "20 of 50 labels");
  bedroom.options.sleep.every = 20;
  bedroom.start();
  FakeBoard(bedroom.folder).supply("BAT0", "Battery", "status", "Discharging");
  bedroom.running->wait(bedroom.running->nights().consider());
  CHECK_FALSE(bedroom.running->on_io([&] { return bedroom.running->nights().asleep(); }));
  CHECK(parsed(bedroom.running->get("/v1/status")).at("sleep").at("waits").at("colours") == "on battery");
}

TEST_CASE("a night can be stopped over the administrators' socket", "[nights]") {
  Bedroom bedroom;
  bedroom.options.sleep.cycle.steps = 100'000'000;
  bedroom.start();
  bedroom.teach_grey();
  CHECK(bedroom.running->admin("/v1/sleep/stop", "{}").status == 409);
  const std::int64_t id = bedroom.running->wait(bedroom.running->nights().start(bedroom.night()));
  CHECK(bedroom.running->post("/v1/sleep/stop", "{}").status == 403);
  CHECK(parsed(bedroom.running->admin("/v1/sleep/stop", "{}")).at("sleep") == id);
  bedroom.wait_until_awake();
  CHECK(bedroom.record(id).state == memory::SleepState::stopped);
  bedroom.running->wait(bedroom.running->nights().start(bedroom.night()));  // the next one may
}

}  // namespace
}  // namespace dormouse::daemon
