// Nights that are refused or taken back: the guard, live feedback, the core set.

#include <catch2/catch.hpp>

#include "tests/daemon/bedroom.h"

namespace dormouse::daemon {
namespace {

constexpr std::uint64_t kSeed = kBedroomSeed;

/// The percentage of 300 unseen examples of each of these colours that is answered right.
double accuracy(Bedroom& bedroom, const std::vector<std::string>& colours) {
  std::size_t right = 0;
  for (const std::string& colour : colours)
    for (std::uint64_t i = 0; i < 300; ++i) {
      const Answered answered = bedroom.running->ask(bedroom.model.example(colour, 900'000 + i));
      right += answered.labels()[answered.result.rows[0].decision.predicted] == colour;
    }
  return static_cast<double>(right) / 3 / static_cast<double>(colours.size());
}

// Sixty seed examples of either class stand against them. Many more wrong labels than that would move the
// fast weights until somebody takes them back, but no night.
TEST_CASE("labels swapped for a night: the guard rejects, and what is old falls by no more than a point",
          "[nights]") {
  const std::size_t poisoned = GENERATE(40u, 160u);
  INFO("seed " << kSeed << ", " << poisoned << " labels each");
  Bedroom bedroom;
  bedroom.teach_grey();
  REQUIRE(bedroom.sleep().state == memory::SleepState::accepted);
  const std::vector<std::string> old{"red", "green", "blue", "grey"};
  const double before = accuracy(bedroom, old);
  for (std::uint64_t i = 0; i < poisoned; ++i) {
    bedroom.running->teach(bedroom.model.example("red", 1000 + i), "green");
    bedroom.running->teach(bedroom.model.example("green", 1000 + i), "red");
  }
  const bool outnumbered = poisoned > 60;
  if (!outnumbered) CHECK(accuracy(bedroom, old) >= before - 1);
  const memory::SleepRecord night = bedroom.sleep();
  INFO(night.report);
  CHECK(night.state == memory::SleepState::rejected);
  CHECK(bedroom.version() == 1);
  if (!outnumbered) CHECK(accuracy(bedroom, old) >= before - 1);
}

/// People say for a while that what looks green is red now.
void change_the_world(Bedroom& bedroom) {
  for (std::uint64_t i = 0; i < 30; ++i)
    bedroom.running->teach(bedroom.model.example(i % 2 ? "green" : "blue", 2000 + i), "red");
}

/// Thirty right answers, and a night that is accepted.
std::int64_t do_well(Bedroom& bedroom) {
  for (std::uint64_t i = 0; i < 30; ++i) bedroom.running->teach(bedroom.model.example("red", i), "red");
  bedroom.teach_grey();
  const memory::SleepRecord night = bedroom.sleep();
  REQUIRE(night.state == memory::SleepState::accepted);
  return night.id;
}

TEST_CASE("a version that people's labels show to be worse is rolled back by itself", "[nights]") {
  Bedroom bedroom;
  const std::int64_t id = do_well(bedroom);
  bedroom.running->wait(bedroom.running->nights().consider());
  CHECK(bedroom.version() == 1);
  change_the_world(bedroom);
  bedroom.start();  // the record of a version outlives the process
  CHECK(bedroom.version() == 1);
  bedroom.running->wait(bedroom.running->nights().consider());
  CHECK(bedroom.version() == 0);
  const auto report = parsed(bedroom.running->get("/v1/sleeps/" + std::to_string(id)));
  CHECK(report.at("version") == 1);
  CHECK_THAT(std::string(report.at("rolled_back").as_string()),
             Catch::StartsWith("people's labels show version 1 to be worse than 0"));
  bedroom.start();
  CHECK(bedroom.version() == 0);
}

TEST_CASE("a version put in service by hand stays, and so does any where the live guard is off", "[nights]") {
  Bedroom bedroom;
  const bool by_hand = GENERATE(true, false);
  bedroom.options.sleep.live_guard = by_hand;
  bedroom.start();
  do_well(bedroom);
  if (by_hand) bedroom.running->wait(bedroom.running->service().roll_back("colours", 1));
  change_the_world(bedroom);
  bedroom.running->wait(bedroom.running->nights().consider());
  CHECK(bedroom.version() == 1);
}

TEST_CASE("the core set is the seed's and the first held-out episodes of later classes, for ever",
          "[nights]") {
  Bedroom bedroom;
  const auto core = [&] {
    return bedroom.running->on_storage([&] {
      const auto text = bedroom.running->service().store().get("core/colours");
      return text ? learning::parse_core_set(*text, "core") : learning::CoreSet();
    });
  };
  bedroom.teach_grey();
  CHECK(core().examples().empty());
  REQUIRE(bedroom.sleep().state == memory::SleepState::accepted);
  const learning::CoreSet first = core();
  for (const std::string label : {"red", "green", "blue", "grey"}) CHECK(first.knows(label));
  CHECK(first.classes() == 4);

  for (std::uint64_t i = 0; i < 20; ++i) {
    bedroom.running->teach(bedroom.model.example("pink", i), "pink");
    bedroom.running->teach(bedroom.model.example("grey", 100 + i), "grey");
  }
  bedroom.start();
  REQUIRE(bedroom.sleep().state == memory::SleepState::accepted);
  const learning::CoreSet second = core();
  CHECK(second.knows("pink"));
  CHECK(second.classes() == 5);
  REQUIRE(second.examples().size() > first.examples().size());
  for (std::size_t i = 0; i < first.examples().size(); ++i) {
    CHECK(second.examples()[i].codes == first.examples()[i].codes);
    CHECK(second.examples()[i].label == first.examples()[i].label);
  }

  memory::Selection all_grey;
  all_grey.model = "colours";
  all_grey.label = "grey";
  bedroom.running->wait(bedroom.running->service().forget(all_grey, false));
  CHECK_FALSE(core().knows("grey"));
  CHECK(core().knows("pink"));
}

}  // namespace
}  // namespace dormouse::daemon
