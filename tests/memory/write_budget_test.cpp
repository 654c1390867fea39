#include "memory/write_budget.h"

#include <catch2/catch.hpp>

#include "tests/memory/world.h"

namespace dormouse::memory {
namespace {

using namespace std::chrono_literals;

TEST_CASE("the fuller the day, the longer unlabelled episodes wait", "[memory]") {
  const ManualClock clock;
  WriteBudget budget(1000, "", clock.wall());
  CHECK(budget.stretch() == 1);
  budget.note(500, clock.wall());
  CHECK(budget.stretch() == 1);
  budget.note(700, clock.wall());
  CHECK(budget.stretch() == Approx(2));
  CHECK(budget.takes_unlabelled());
  budget.note(899, clock.wall());
  CHECK(budget.stretch() == WriteBudget::kMostStretch);
  budget.note(901, clock.wall());
  CHECK_FALSE(budget.takes_unlabelled());
  CHECK(budget.today() == 901);
}

TEST_CASE("a new day has a new budget, and a restart does not", "[memory]") {
  ManualClock clock;
  WriteBudget budget(1000, "", clock.wall());
  budget.note(950, clock.wall());
  const std::string record = budget.record();
  CHECK(WriteBudget(1000, record, clock.wall()).today() == 950);
  clock.advance(24h);
  CHECK(WriteBudget(1000, record, clock.wall()).today() == 0);
  CHECK(WriteBudget(1000, "nonsense", clock.wall()).today() == 0);
  budget.note(960, clock.wall());
  CHECK(budget.today() == 10);
  CHECK(budget.takes_unlabelled());
}

/// Remembers one unlabelled episode a second, and returns how many were taken.
std::size_t live(World& world, Store& store, EpisodeId first, std::size_t count) {
  std::size_t taken = 0;
  for (EpisodeId id = first; id < first + count; ++id) {
    taken += store.remember(world.lived(id, std::vector<float>(128, static_cast<float>(id))));
    world.clock.advance(1s);
    store.tick();
  }
  return taken;
}

TEST_CASE("no more is written in a day than allowed, except what was taught", "[memory]") {
  World world;
  world.options.write = {1 << 20};
  {
    Store store = world.open();
    CHECK(live(world, store, 1, 5000) < 5000);
    CHECK(store.statistics().withheld > 0);
    CHECK(store.statistics().bytes_written_today <= 1 << 20);
    CHECK(store.statistics().bytes_written_today > (1 << 20) / 10 * 8);
    store.teach(world.lived(9000, {1, 2}), "walking");
    CHECK(store.find(9000)->label == "walking");
  }
  {
    Store store = world.open();  // forgetting the last MiB at most
    CHECK(store.statistics().write_budget == 1 << 20);
  }
  world.clock.advance(24h);
  Store store = world.open();
  CHECK(live(world, store, 10'000, 100) == 100);
}

TEST_CASE("a longer wait makes fewer bytes of the same episodes", "[memory]") {
  const auto written = [](std::uint64_t budget) {
    World world;
    world.options.write = {budget};
    Store store = world.open();
    live(world, store, 1, 600);
    store.flush();
    const Statistics after = store.statistics();
    return std::pair(after.bytes_written, after.episodes);
  };
  const auto [plenty, all] = written(100 << 20);
  const auto [scarce, kept] = written(2 << 20);
  CHECK(kept == all);
  CHECK(scarce < plenty / 10 * 7);
}

TEST_CASE("an episode costs the disk at most four times what it holds, in groups of 64", "[memory]") {
  World world;
  constexpr std::size_t kEpisodes = 64 * 400;
  Store store = world.open();
  const auto before = store.statistics().bytes_written;
  std::mt19937_64 random(3);
  for (EpisodeId id = 1; id <= kEpisodes; ++id) {
    store.remember(world.lived(id, near_to(std::vector<float>(128, 0.0f), random)));
    store.tick();
  }
  store.checkpoint();  // what is in the log has to be written once more
  const double each = static_cast<double>(store.statistics().bytes_written - before) / kEpisodes;
  // Code, scale, id, two times, confidence, novelty, importance at their full width, and small integers.
  constexpr double kPayload = 128 + 4 + 8 + 2 * 8 + 3 * 4 + 6;
  INFO(each << " bytes an episode of " << kPayload);
  CHECK(store.statistics().commits >= 400);
  CHECK(each <= 4 * kPayload);
}

TEST_CASE("a full memory lets neighbours go, not one of every page", "[memory]") {
  World world;
  world.options.capacity = 20'000;
  world.options.write = {std::uint64_t{1} << 40};
  Store store = world.open();
  std::mt19937_64 random(3);
  std::uniform_real_distribution<float> surprise(0.05f, 1);
  const auto live = [&](EpisodeId from, std::size_t count) {
    for (EpisodeId id = from; id < from + count; ++id) {
      Episode episode = world.lived(id, near_to(std::vector<float>(128, 0.0f), random));
      episode.importance = surprise(random);
      store.remember(episode);
      store.tick();
    }
    store.checkpoint();
    return store.statistics().bytes_written;
  };
  const auto before = live(1, 30'000);
  const double each = static_cast<double>(live(30'001, 20'000) - before) / 20'000;
  INFO(each << " bytes an episode, seed 3");
  CHECK(store.statistics().episodes <= 20'000);
  CHECK(each <= 2000);
}

}  // namespace
}  // namespace dormouse::memory
