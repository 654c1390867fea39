#include "daemon/service/stream_watch.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "config/error.h"

namespace dormouse::daemon {
namespace {

/// Rows of three channels that swing each in their own way.
std::vector<float> swinging(std::size_t rows, std::size_t first = 0) {
  std::vector<float> values;
  for (std::size_t i = first; i < first + rows; ++i)
    for (const double speed : {0.3, 0.7, 1.1})
      values.push_back(static_cast<float>(std::sin(speed * static_cast<double>(i))));
  return values;
}

TEST_CASE("the channel and the row that leave what was there before are named", "[streams]") {
  StreamWatch watch(3);
  REQUIRE(watch.observe(swinging(800)));
  const auto usual = watch.observe(swinging(20, 800));
  REQUIRE(usual);
  CHECK_FALSE(usual->novelty.alarm);
  CHECK(usual->importance(0.5f) == 0);

  auto rows = swinging(20, 820);
  rows[7 * 3 + 2] = 4;
  const auto unusual = watch.observe(rows);
  REQUIRE(unusual);
  CHECK(unusual->novelty.alarm);
  CHECK(unusual->channel == 2);
  CHECK(unusual->row == 7);
  CHECK(unusual->importance(0.5f) >= 0.5f);
  CHECK(unusual->importance(0.5f) <= 1);
  const auto json = describe(*unusual);
  CHECK(json.at("alarm").as_bool());
  CHECK(json.at("aspect").as_string() == "value");
}

TEST_CASE("no rows are nothing new, and numbers that are none are refused", "[streams]") {
  StreamWatch watch(2);
  CHECK_FALSE(watch.observe({}));
  const std::vector<float> wrong{0, std::numeric_limits<float>::quiet_NaN()};
  CHECK_THROWS_AS(watch.observe(wrong), Failure);
}

}  // namespace
}  // namespace dormouse::daemon
