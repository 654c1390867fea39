// When a night begins, pauses and ends: one at a time, idle, battery, heat, energy, privacy, on demand.

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/daemon/bedroom.h"

namespace dormouse::daemon {
namespace {

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
  const memory::SleepRecord record = bedroom.sleep();
  const auto report = boost::json::parse(record.report);
  CHECK((record.state == memory::SleepState::accepted || record.state == memory::SleepState::rejected));
  CHECK(report.at("stopped").as_bool());
  CHECK(report.at("notes").at(0) == "the energy budget was spent before the last step");
  CHECK(report.at("energy").at("joules").to_number<double>() >= 0.02);
  CHECK_THAT(std::string(report.at("energy").at("source").as_string()), Catch::Contains("at 1 W"));
}

TEST_CASE("private nights add up, whatever becomes of them, until the budget is spent", "[nights]") {
  Bedroom bedroom;
  bedroom.options.privacy.dp = DpOptions{{.epsilon = 20, .delta = 1e-5, .clip = 1, .noise = 2}};
  bedroom.options.sleep.cycle.steps = 20;
  bedroom.start();
  bedroom.teach_grey();
  const auto spent = [&](const memory::SleepRecord& record) {
    INFO(record.report);
    const auto report = boost::json::parse(record.report);
    CHECK(report.at("privacy").at("spent_tonight").to_number<double>() > 0);
    return report.at("privacy").at("spent").to_number<double>();
  };
  const double first = spent(bedroom.sleep(true));
  CHECK(bedroom.version() == 0);  // on trial, and yet the budget is touched
  bedroom.start();                // the account outlives the process
  const memory::SleepRecord again = bedroom.sleep(true);
  CHECK(spent(again) > first);
  CHECK(spent(again) <= 20);

  bedroom.options.privacy.dp->epsilon = spent(again);
  bedroom.start();
  CHECK_THROWS_WITH(bedroom.running->wait(
                        bedroom.running->nights().start({"colours", learning::Strategy::ridge, false, {}})),
                    Catch::Contains("privacy.dp does not cover"));
  const auto nights = [&] {
    return bedroom.running->on_storage([&] { return bedroom.running->service().store().sleeps(9).size(); });
  };
  const std::size_t before = nights();
  CHECK_THROWS_WITH(bedroom.running->wait(bedroom.running->nights().start(bedroom.night())),
                    Catch::Contains("privacy budget is spent"));
  CHECK(nights() == before);
}

TEST_CASE("a private night that fails has spent what it looked at", "[nights]") {
  Bedroom bedroom;
  bedroom.options.privacy.dp = DpOptions{{.epsilon = 20, .delta = 1e-5, .clip = 1, .noise = 2}};
  bedroom.options.sleep.cycle.steps = 20;
  bedroom.start();
  bedroom.teach_grey();
  const std::filesystem::path versions = bedroom.folder.file("state/models/colours");
  std::filesystem::remove_all(versions);
  std::filesystem::create_directories(versions.parent_path());
  std::ofstream(versions) << "not a folder";
  const memory::SleepRecord night = bedroom.sleep();
  INFO(night.report);
  CHECK(night.state == memory::SleepState::failed);
  const auto account =
      bedroom.running->on_storage([&] { return bedroom.running->service().store().get("privacy/colours"); });
  REQUIRE(account);
  CHECK(learning::PrivacyLoss::parse(*account).epsilon(1e-5) > 0);
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
