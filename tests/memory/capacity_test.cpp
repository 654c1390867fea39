// A full memory: what is let go, and what is kept at any price.

#include <catch2/catch.hpp>

#include "tests/memory/bench.h"

namespace dormouse::memory {
namespace {

TEST_CASE("what is unlabelled, unimportant, old and unused is forgotten first", "[memory]") {
  Bench bench;
  Store store = bench.open();
  store.reserve_ids();
  store.remember(lived(1, "walking", 0.9f));
  store.remember(lived(2, "walking", 0.1f));
  Episode old = lived(4, "walking", 0.9f);
  old.time = old.last_used = bench.clock.wall() - std::chrono::hours(24 * 365);
  store.remember(old);
  Episode used = lived(5, "walking", 0.9f);
  used.time = used.last_used = old.time;
  store.remember(used);
  store.teach(lived(6, "walking", 0), "running");
  store.teach(lived(7, "walking", 0), "running");
  store.note_use(std::array{EpisodeId{5}});
  store.flush();
  CHECK(store.find(5)->uses == 1);
  CHECK(store.least_valuable(9) == std::vector<EpisodeId>{4, 2, 1, 5, 6});
  CHECK(store.let_go_least_valuable(2) == std::vector<EpisodeId>{4, 2});
  CHECK(code_of([&] { store.label(4, "running"); }) == Errc::gone);
}

TEST_CASE("the sole witness of a class is never forgotten", "[memory]") {
  Bench bench;
  bench.options.capacity = 2;
  Store store = bench.open();
  store.reserve_ids();
  store.teach(lived(1, "walking", 0), "rare");
  for (EpisodeId id = 4; id < 10; ++id) store.teach(lived(id), "common");  // none of them held out
  CHECK(store.statistics().episodes == 2);
  CHECK(store.find(1)->label == "rare");
  const auto evicted = store.take_evicted();
  CHECK(evicted.size() == 5);
  CHECK(store.take_evicted().empty());
}

TEST_CASE("the last held-out episode of a class is kept for the guard", "[memory]") {
  Bench bench;
  Store store = bench.open();
  store.reserve_ids();
  REQUIRE(is_held_out(10));
  store.teach(lived(10, "walking", 0), "running");
  for (EpisodeId id : {1, 2, 4}) store.teach(lived(id), "running");
  CHECK(store.least_valuable(9) == std::vector<EpisodeId>{1, 2});
}

TEST_CASE("memory never holds more than its capacity", "[memory]") {
  Bench bench;
  bench.options.capacity = 10;
  bench.options.commit_rows = 7;
  Store store = bench.open();
  store.reserve_ids();
  for (EpisodeId id = 1; id <= 100; ++id) {
    store.remember(lived(id));
    store.tick();
    CHECK(store.statistics().episodes <= 10);
  }
}

TEST_CASE("memory makes room before its share of the disk is full", "[memory]") {
  Bench bench;
  bench.options.disk = {1 << 20};
  Store store = bench.open();
  store.reserve_ids(4000);
  for (EpisodeId id = 1; id < 4000; ++id) {
    Episode big = lived(id);
    big.latent = quantise(std::vector<float>(1024, 1.0f));
    store.remember(big);
    store.tick();
  }
  store.flush();
  CHECK(store.statistics().file_bytes <= 1 << 20);
  CHECK(store.statistics().episodes > 300);
  CHECK_FALSE(store.take_evicted().empty());
  CHECK(store.check_integrity().empty());
}

}  // namespace
}  // namespace dormouse::memory
