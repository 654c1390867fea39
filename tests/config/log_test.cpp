#include "config/log.h"

#include <catch2/catch.hpp>

#include "config/clock.h"

using namespace dormouse;

TEST_CASE("an event is one line whatever it contains", "[config]") {
  CHECK(log_line(Level::warning, "a\nb\x1b[0m", false) == "warning: a\\x0ab\\x1b[0m\n");
}

TEST_CASE("the journal is told the priority as sd-daemon writes it", "[config]") {
  CHECK(log_line(Level::error, "x", true) == "<3>x\n");
  CHECK(log_line(Level::info, "x", true) == "<6>x\n");
}

TEST_CASE("a manual clock moves only when it is told to", "[config]") {
  ManualClock clock;
  const auto steady = clock.now();
  const auto wall = clock.wall();
  CHECK(clock.now() == steady);
  clock.advance(std::chrono::minutes(2));
  CHECK(clock.now() - steady == std::chrono::minutes(2));
  CHECK(clock.wall() - wall == std::chrono::minutes(2));
}
