#include "daemon/service/night_triggers.h"

#include <catch2/catch.hpp>

#include "daemon/service/options.h"

namespace dormouse::daemon {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a window is a time of day and may cross midnight", "[triggers]") {
  const auto day = parse_window("09:30-17:00"), night = parse_window("22:00-05:15");
  REQUIRE((day && night));
  CHECK(day->contains(9h + 30min));
  CHECK_FALSE(day->contains(17h));
  CHECK_FALSE(day->contains(9h + 29min));
  for (const std::chrono::minutes inside : {22h + 0min, 23h + 59min, 0h + 0min, 5h + 14min})
    CHECK(night->contains(inside));
  for (const std::chrono::minutes outside : {5h + 15min, 12h + 0min, 21h + 59min})
    CHECK_FALSE(night->contains(outside));
}

TEST_CASE("what is no window is refused", "[triggers]") {
  const std::string text = GENERATE("", "01:00", "1:00-05:00", "01:00-24:00", "01:60-02:00", "01:00-01:00",
                                    "01:00 05:00", "aa:00-05:00", "01:00-05:000", "-1:00-05:00");
  INFO(text);
  CHECK_FALSE(parse_window(text));
}

TEST_CASE("a night begins by itself when all that is configured holds, and says what does not",
          "[triggers]") {
  NightOptions options;
  Circumstances now{.fresh_labels = 200, .unused = 10min, .time_of_day = 2h};
  CHECK_THAT(why_awake(options, now).value_or(""), Catch::Contains("when asked"));

  options.window = parse_window("01:00-05:00");
  CHECK_FALSE(why_awake(options, now));
  now.time_of_day = 12h;
  CHECK(why_awake(options, now) == "waits for 01:00");
  now.time_of_day = 2h;

  options.idle = 10min;
  CHECK_FALSE(why_awake(options, now));
  now.unused = 3min;
  CHECK(why_awake(options, now) == "in use: idle for 3 min of 10 min");
  now.unused = 10min;

  now.fresh_labels = 74;
  CHECK(why_awake(options, now) == "74 of 200 labels");
  now.fresh_labels = 200;

  now.on_battery = true;
  CHECK(why_awake(options, now) == "on battery");
  options.on_battery = true;
  CHECK_FALSE(why_awake(options, now));

  now.temperature = 75.5;
  CHECK_THAT(why_awake(options, now).value_or(""), Catch::Contains("too hot"));
  options.max_temperature.reset();
  CHECK_FALSE(why_awake(options, now));
}

TEST_CASE("what was too hot has to cool by five degrees", "[triggers]") {
  const NightOptions options;
  CHECK_FALSE(too_hot(options, 75, false));
  CHECK(too_hot(options, 75.1, false));
  CHECK(too_hot(options, 70.1, true));
  CHECK_FALSE(too_hot(options, 70, true));
  CHECK_FALSE(too_hot(options, std::nullopt, true));
}

}  // namespace
}  // namespace dormouse::daemon
