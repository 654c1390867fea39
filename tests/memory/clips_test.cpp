#include <catch2/catch.hpp>

#include "memory/consolidation.h"
#include "memory/reembedding.h"
#include "tests/memory/world.h"

namespace dormouse::memory {
namespace {

Clip clip(float value, std::int64_t length = 64) {
  return {{1, length}, std::vector<float>(static_cast<std::size_t>(length), value)};
}

Episode with_clip(const World& world, EpisodeId id, float importance = 1) {
  Episode episode = world.lived(id, {static_cast<float>(id), 1});
  episode.clip = clip(static_cast<float>(id));
  episode.importance = importance;
  return episode;
}

TEST_CASE("a kept input comes back bit by bit, queued or stored", "[memory]") {
  World world;
  Store store = world.open();
  store.remember(with_clip(world, 1));
  CHECK(store.clip(1) == clip(1));
  store.flush();
  CHECK(store.clip(1) == clip(1));
  CHECK(store.find(1)->clip.empty());
  store.remember(world.lived(2, {1, 1}));
  CHECK_FALSE(store.clip(2).has_value());
  CHECK(store.statistics().clip_bytes == clip(1).bytes());
}

TEST_CASE("kept inputs stay within their share; the least worth go first", "[memory]") {
  World world;
  world.options.keep_inputs = {20 * 64 * sizeof(float)};
  Store store = world.open();
  for (EpisodeId id = 1; id <= 40; ++id) {
    store.remember(with_clip(world, id, id % 2 ? 2.0f : 0.5f));
    store.flush();
    CHECK(store.statistics().clip_bytes <= world.options.keep_inputs.count);
  }
  int important = 0, others = 0;
  for (EpisodeId id = 1; id <= 40; ++id)
    if (store.clip(id)) ++(id % 2 ? important : others);
  CHECK(important >= 18);
  CHECK(others <= 1);
  CHECK(store.statistics().episodes == 40);

  Episode large = world.lived(50, {1, 1});
  large.clip = clip(1, 10'000);
  store.remember(large);
  store.flush();
  CHECK_FALSE(store.clip(50).has_value());
  CHECK(important >= 18);
}

TEST_CASE("a kept input goes with its episode", "[memory]") {
  World world;
  Store store = world.open();
  store.remember(with_clip(world, 1));
  store.remember(with_clip(world, 2));
  store.flush();
  store.forget(std::array{EpisodeId{1}});
  CHECK_FALSE(store.clip(1).has_value());
  CHECK(store.statistics().clip_bytes == clip(1).bytes());
  store.let_go_least_valuable(1);
  CHECK(store.statistics().clip_bytes == 0);
}

/// What the new trunk makes of a clip.
std::vector<std::vector<float>> embed(const std::vector<Clip>& clips) {
  std::vector<std::vector<float>> latents;
  for (const Clip& one : clips) latents.push_back({-one.values[0], 2, 3});
  return latents;
}

TEST_CASE("a new trunk re-embeds what has an input and retires the rest, a piece at a time", "[memory]") {
  World world;
  {
    Store store = world.open();
    for (EpisodeId id = 1; id <= 10; ++id) store.teach(with_clip(world, id), "walking");
    for (EpisodeId id = 11; id <= 13; ++id) store.teach(world.lived(id, {1, 1}), "walking");
    consolidate(store, "activity", 2, {}, {});
    REQUIRE_FALSE(store.concepts("activity").at(0).sources.empty());
    Reembedding first(store, "activity", 1);
    CHECK(first.advance(4, embed));
    CHECK(first.embedded() == 4);
    CHECK_THROWS(first.advance(4, [](const auto&) -> std::vector<std::vector<float>> {
      throw Failure(Errc::unavailable, "the power is gone");
    }));
  }
  Store store = world.open();
  Reembedding rest(store, "activity", 1);
  while (rest.advance(4, embed)) {
  }
  CHECK(rest.embedded() == 6);
  CHECK(rest.retired() == 3);
  store.set_embedding_version("activity", 1);
  CHECK(store.embedding_version("activity") == 1);
  for (EpisodeId id = 1; id <= 10; ++id) {
    const Episode moved = *store.find(id);
    CHECK(moved.embedding_version == 1);
    CHECK(moved.label == "walking");
    CHECK(dequantise(moved.latent)[0] == Approx(-static_cast<double>(id)).margin(0.05));
  }
  CHECK(store.find(12)->embedding_version == kRetired);
  CHECK(store.find(12)->label == "walking");
  CHECK(Reembedding(store, "activity", 2).advance(1, embed));  // what was re-embedded can be again
  consolidate(store, "activity", 3, {}, {});
  for (const Concept& one : store.concepts("activity")) {
    CHECK(one.embedding_version == 1);
    CHECK(one.mean.size() == 3);
  }
}

}  // namespace
}  // namespace dormouse::memory
