#include <catch2/catch.hpp>

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

}  // namespace
}  // namespace dormouse::memory
