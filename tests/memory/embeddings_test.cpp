#include <catch2/catch.hpp>

#include "memory/consolidation.h"
#include "tests/memory/world.h"

namespace dormouse::memory {
namespace {

Episode with_clip(const World& world, EpisodeId id) {
  Episode episode = world.lived(id, {static_cast<float>(id), 1});
  episode.clip = {{1, 4}, std::vector<float>(4, static_cast<float>(id))};
  return episode;
}

/// What the new trunk makes of a clip, set aside.
std::size_t embed(Store& store, std::int64_t version, std::size_t n) {
  std::vector<NewLatent> made;
  for (const KeptInput& kept : store.outdated("activity", version, n))
    made.push_back({kept.id, quantise(std::array{-kept.clip.values[0], 2.0f, 3.0f})});
  store.set_aside(made, version);
  return made.size();
}

double first_element(const Store& store, EpisodeId id) {
  return double(dequantise(store.find(id)->latent)[0]);
}

/// Ten episodes with an input and three without, all labelled.
void live(World& world, Store& store) {
  for (EpisodeId id = 1; id <= 10; ++id) store.teach(with_clip(world, id), "walking");
  for (EpisodeId id = 11; id <= 13; ++id) store.teach(world.lived(id, {1, 1}), "walking");
  consolidate(store, "activity", 2, {}, {});
}

TEST_CASE("latents of a trunk to come change nothing until they are exchanged, and survive a restart",
          "[memory]") {
  World world;
  {
    Store store = world.open();
    live(world, store);
    CHECK(embed(store, 7, 4) == 4);
    CHECK(store.embedding_version("activity") == 0);
    CHECK(first_element(store, 10) == Approx(10).margin(0.1));
    CHECK_FALSE(store.concepts("activity").at(0).sources.empty());
  }
  Store store = world.open();
  CHECK(store.without_latent("activity", 7) == 9);
  CHECK(embed(store, 7, 100) == 6);
  CHECK(embed(store, 7, 100) == 0);
  CHECK(store.without_latent("activity", 7) == 3);
  CHECK(store.find(10)->latent.codes.size() == 2);
}

TEST_CASE("an exchange moves all latents at once with the version, and back", "[memory]") {
  World world;
  Store store = world.open();
  live(world, store);
  embed(store, 7, 100);
  const std::int64_t night = store.begin_sleep("activity");
  VersionRecord version;
  version.model = "activity";
  version.version = 1;
  store.end_sleep(night, SleepState::accepted, "{}", version, {}, 7);
  CHECK(store.active_version("activity") == 1);
  CHECK(store.embedding_version("activity") == 7);
  for (EpisodeId id = 1; id <= 10; ++id) {
    CHECK(store.find(id)->embedding_version == 7);
    CHECK(store.find(id)->label == "walking");
    CHECK(first_element(store, id) == Approx(-static_cast<double>(id)).margin(0.1));
  }
  CHECK(store.find(12)->embedding_version == 0);  // retired: equals nothing that is compared
  CHECK(store.find(12)->label == "walking");
  consolidate(store, "activity", 3, {}, {});
  for (const Concept& one : store.concepts("activity")) {
    CHECK(one.embedding_version == 7);
    CHECK(one.mean.size() == 3);
  }

  store.teach(with_clip(world, 20), "walking");  // seen by nobody but trunk 0
  CHECK(store.outdated("activity", 0, 100).empty());
  store.activate("activity", 0, 0);
  CHECK(store.embedding_version("activity") == 0);
  for (EpisodeId id = 1; id <= 10; ++id)
    CHECK(first_element(store, id) == Approx(static_cast<double>(id)).margin(0.1));
  CHECK(store.without_latent("activity", 0) == 0);
  CHECK(store.without_latent("activity", 7) == 4);
}

TEST_CASE("labelled episodes are embedded first, then the newest", "[memory]") {
  World world;
  Store store = world.open();
  for (EpisodeId id = 1; id <= 4; ++id) store.remember(with_clip(world, id));
  store.flush();
  store.label(2, "walking");
  std::vector<EpisodeId> first;
  for (const KeptInput& kept : store.outdated("activity", 1, 2)) first.push_back(kept.id);
  std::ranges::sort(first);
  CHECK(first == std::vector<EpisodeId>{2, 4});
}

TEST_CASE("what is forgotten is forgotten aside, too", "[memory]") {
  World world;
  Store store = world.open();
  live(world, store);
  embed(store, 7, 100);
  store.forget(std::array{EpisodeId{3}});
  CHECK(store.without_latent("activity", 7) == 3);
  store.activate("activity", 0, 7);
  CHECK_FALSE(store.find(3).has_value());
  CHECK(store.statistics().episodes == 12);
}

}  // namespace
}  // namespace dormouse::memory
