#include "daemon/service/board.h"

#include <catch2/catch.hpp>

#include "daemon/service/night_watch.h"
#include "tests/daemon/fake_board.h"

namespace dormouse::daemon {
namespace {

struct Bench {
  TemporaryFolder folder;
  FakeBoard fake{folder};
  Board board = fake.board();
};

TEST_CASE("a board without sensors is on mains, and tells neither heat nor energy", "[board]") {
  Bench bench;
  CHECK_FALSE(bench.board.on_battery());
  CHECK_FALSE(bench.board.temperature());
  CHECK_FALSE(bench.board.package_energy());
}

TEST_CASE("a board is on battery when one discharges and nothing feeds it", "[board]") {
  Bench bench;
  bench.fake.supply("BAT0", "Battery", "status", "Charging");
  CHECK_FALSE(bench.board.on_battery());
  bench.fake.supply("BAT0", "Battery", "status", "Discharging");
  CHECK(bench.board.on_battery());
  const std::string type = GENERATE("Mains", "USB");
  bench.fake.supply("AC", type, "online", "0");
  CHECK(bench.board.on_battery());
  bench.fake.supply("AC", type, "online", "1");
  CHECK_FALSE(bench.board.on_battery());
}

TEST_CASE("the battery of a mouse is none of the board's", "[board]") {
  Bench bench;
  bench.fake.supply("hidpp_battery_0", "Battery", "status", "Discharging");
  bench.fake.supply("hidpp_battery_0", "Battery", "scope", "Device");
  CHECK_FALSE(bench.board.on_battery());
}

TEST_CASE("the hottest zone counts, and one that cannot be read does not", "[board]") {
  Bench bench;
  bench.fake.temperature(41.5, 0);
  bench.fake.temperature(63, 3);
  bench.fake.set("class/thermal/thermal_zone7/temp", "");
  bench.fake.set("class/thermal/cooling_device0/temp", "99000");
  CHECK(bench.board.temperature() == 63.0);
}

TEST_CASE("RAPL's energy is counted over its counter's end; without it CPU time stands in", "[board]") {
  Bench bench;
  const auto rapl = [&](const std::string& value) {
    bench.fake.set("class/powercap/intel-rapl:0/energy_uj", value);
  };
  bench.fake.set("class/powercap/intel-rapl:0/max_energy_range_uj", "10000000");
  rapl("9000000");
  EnergyMeter measured(bench.board, 4);
  rapl("9500000");
  CHECK(measured.joules() == Approx(0.5));
  rapl("1500000");
  CHECK(measured.joules() == Approx(2.5));
  CHECK_THAT(measured.source(), Catch::Contains("RAPL"));

  Bench plain;
  EnergyMeter estimated(plain.board, 1000);
  const double from = thread_cpu_seconds();
  volatile double sink = 1;
  while (thread_cpu_seconds() - from < 0.01) sink = sink * 1.0000001;
  CHECK(estimated.joules() >= 10);
  CHECK_THAT(estimated.source(), Catch::Contains("CPU seconds at 1000 W"));
}

/// A second passes whenever somebody asks for the time.
struct Ticking final : Clock {
  mutable Steady at{};
  Steady now() const override { return at += std::chrono::seconds(1); }
  Wall wall() const override { return {}; }
};

TEST_CASE("a night that stays too hot gives up when its budget is spent", "[board]") {
  Bench bench;
  const NightOptions options;
  const Ticking clock;
  std::atomic<bool> hot{false};
  NightWatch watch(bench.board, options, clock, std::chrono::milliseconds(0), hot);
  bench.fake.temperature(75);
  CHECK_FALSE(watch.look(0, 30, {}));
  CHECK_FALSE(hot);
  bench.fake.temperature(76);
  const auto ended = watch.look(10, 30, {});
  REQUIRE(ended);
  CHECK_THAT(*ended, Catch::Contains("too hot"));
  CHECK(hot);
}

TEST_CASE("the board is looked at no more often than once a period", "[board]") {
  Bench bench;
  const NightOptions options;
  ManualClock clock;
  std::atomic<bool> hot{false};
  NightWatch watch(bench.board, options, clock, std::chrono::seconds(1), hot);
  CHECK_FALSE(watch.look(0, 30, {}));
  bench.fake.supply("BAT0", "Battery", "status", "Discharging");
  CHECK_FALSE(watch.look(0, 30, {}));
  clock.advance(std::chrono::seconds(1));
  CHECK(watch.look(0, 30, {}) == "on battery");
}

}  // namespace
}  // namespace dormouse::daemon
