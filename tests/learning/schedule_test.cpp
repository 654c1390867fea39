#include "learning/schedule.h"

#include <catch2/catch.hpp>

using namespace dormouse::learning;

TEST_CASE("schedules take the values that they are defined by", "[schedule]") {
  const auto at = [](const ScheduleOptions& options, std::int64_t update, std::int64_t epoch = 0) {
    return rate_factor(options, {update, 100, epoch}, {});
  };
  CHECK(at({.kind = ScheduleKind::constant}, 70) == 1);
  CHECK(at({.kind = ScheduleKind::step, .every = 3, .factor = 0.5}, 0, 2) == 1);
  CHECK(at({.kind = ScheduleKind::step, .every = 3, .factor = 0.5}, 0, 6) == 0.25);
  CHECK(at({.kind = ScheduleKind::cosine}, 0) == 1);
  CHECK(at({.kind = ScheduleKind::cosine}, 50) == Approx(0.5));
  CHECK(at({.kind = ScheduleKind::one_cycle}, 0) == Approx(1.0 / 25));
  CHECK(at({.kind = ScheduleKind::one_cycle}, 29) == Approx(1));
  CHECK(at({.kind = ScheduleKind::one_cycle}, 99) == Approx(1e-4 / 25));
  CHECK(at({.kind = ScheduleKind::constant, .warm_up = 4}, 0) == 0.25);
  CHECK(at({.kind = ScheduleKind::constant, .warm_up = 4}, 3) == 1);
}

TEST_CASE("a plateau lowers the rate once the loss has not fallen for long enough", "[schedule]") {
  const ScheduleOptions options{.kind = ScheduleKind::plateau, .factor = 0.5, .patience = 2};
  Plateau plateau;
  const auto factor = [&] { return rate_factor(options, {0, 100, 0}, plateau); };
  for (const double loss : {1.0, 0.5, 0.6, 0.5}) observe(plateau, options, loss);
  CHECK(factor() == 1);
  observe(plateau, options, 0.55);
  CHECK(factor() == 0.5);
  for (const double loss : {0.7, 0.7}) observe(plateau, options, loss);
  CHECK(factor() == 0.5);
  observe(plateau, options, 0.7);
  CHECK(factor() == 0.25);
  observe(plateau, options, 0.1);
  CHECK(plateau.waited == 0);
}
