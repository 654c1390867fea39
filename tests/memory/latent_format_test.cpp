#include <catch2/catch.hpp>
#include <map>

#include "config/error.h"
#include "memory/sqlite.h"
#include "tests/memory/world.h"

namespace dormouse::memory {
namespace {

constexpr std::uint64_t kSeed = 31;
constexpr std::size_t kWidth = 48;

CodedLatent latent_of(EpisodeId id, LatentFormat format) {
  std::mt19937_64 random(kSeed + id);
  return encode(near_to(std::vector<float>(kWidth, 0.0f), random, 2), format);
}

Episode lived(const World& world, EpisodeId id, LatentFormat format) {
  Episode episode = world.lived(id, {0});
  episode.latent = latent_of(id, format);
  return episode;
}

std::string text_of(const std::vector<std::uint16_t>& halves) {
  return {reinterpret_cast<const char*>(halves.data()), halves.size() * sizeof(halves[0])};
}

TEST_CASE("latents of both formats live in one memory, and come back as they were", "[memory]") {
  INFO("seed " << kSeed);
  World world;
  std::map<EpisodeId, CodedLatent> expected;
  {
    Store store = world.open();
    for (EpisodeId id = 1; id <= 20; ++id) {
      const LatentFormat format = id % 2 ? LatentFormat::f16 : LatentFormat::int8;
      store.remember(lived(world, id, format));
      expected[id] = latent_of(id, format);
    }
    store.flush();
    CHECK(store.statistics().ram_bytes == 10 * (kWidth + 48) + 10 * (3 * kWidth + 48));
  }
  Store store = world.open();
  CHECK(store.statistics().ram_bytes == 10 * (kWidth + 48) + 10 * (3 * kWidth + 48));
  for (const auto& [id, latent] : expected) CHECK(store.find(id)->latent == latent);
  store.each_vector("activity", 0, [&](const StoredVector& stored) {
    const CodedLatent& latent = expected.at(stored.id);
    CHECK(std::ranges::equal(stored.latent.codes, latent.codes));
    CHECK(std::ranges::equal(stored.latent.halves, latent.halves));
    CHECK(stored.latent.scale == latent.scale);
  });
  store.set_aside(std::array{NewLatent{1, latent_of(40, LatentFormat::int8)},
                             NewLatent{2, latent_of(41, LatentFormat::f16)}},
                  1);
  store.activate("activity", 0, 1);
  CHECK(store.find(1)->latent == latent_of(40, LatentFormat::int8));
  CHECK(store.find(2)->latent == latent_of(41, LatentFormat::f16));
  store.let_go_least_valuable(20);
  CHECK(store.statistics().ram_bytes == 0);
}

TEST_CASE("a forgotten latent in half precision leaves no bytes", "[memory]") {
  INFO("seed " << kSeed);
  World world;
  Store store = world.open();
  for (EpisodeId id = 1; id <= 200; ++id) store.remember(lived(world, id, LatentFormat::f16));
  store.flush();
  store.checkpoint();
  const auto traces = [&] {
    const std::string bytes = bytes_below(world.folder.path);
    int found = 0;
    for (EpisodeId id = 50; id < 60; ++id)
      found += bytes.find(text_of(latent_of(id, LatentFormat::f16).halves)) != bytes.npos;
    return found;
  };
  REQUIRE(traces() == 10);
  std::vector<EpisodeId> secret;
  for (EpisodeId id = 50; id < 60; ++id) secret.push_back(id);
  CHECK(store.forget(secret) == 10);
  CHECK(traces() == 0);
}

TEST_CASE("a row whose latent is in no known format is corrupt", "[memory]") {
  World world;
  world.open().remember(lived(world, 7, LatentFormat::f16));
  const char* const damage = GENERATE("latent_format = 9", "latent = x'0102ff'", "latent = x'0000ff7f'");
  sqlite::Connection(world.file(), "").run(std::string("UPDATE episode SET ") + damage);
  Store store = world.open();
  try {
    store.find(7);
    FAIL("it was read");
  } catch (const Failure& failure) {
    CHECK(failure.error().code == Errc::corrupt);
    CHECK_THAT(failure.error().context, Catch::Contains("episode 7"));
  }
}

}  // namespace
}  // namespace dormouse::memory
