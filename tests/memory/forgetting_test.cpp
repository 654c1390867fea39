#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "memory/consolidation.h"
#include "tests/memory/world.h"

namespace dormouse::memory {

std::string bytes_below(const std::filesystem::path& folder) {
  std::string bytes;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    bytes.append(std::istreambuf_iterator<char>(in), {});
  }
  return bytes;
}

namespace {

constexpr std::uint64_t kSeed = 23;
constexpr std::size_t kWidth = 96;

/// Noise that no two episodes share, so that finding its code is finding the episode.
std::vector<float> unmistakable(EpisodeId id) {
  std::mt19937_64 random(kSeed + id);
  return near_to(std::vector<float>(kWidth, 0.0f), random, 2);
}

std::string code_of(const std::vector<float>& latent) {
  const CodedLatent coded = quantise(latent);
  return {reinterpret_cast<const char*>(coded.codes.data()), coded.codes.size()};
}

std::string bytes_of(const Clip& clip) {
  return {reinterpret_cast<const char*>(clip.values.data()), clip.bytes()};
}

Clip clip_of(EpisodeId id) {
  std::mt19937_64 random(7 * kSeed + id);
  return {{1, 40}, near_to(std::vector<float>(40, 0.0f), random)};
}

/// The ids whose latent or clip can be read in the state folder.
std::vector<EpisodeId> traces(const World& world, const std::vector<EpisodeId>& ids) {
  const std::string bytes = bytes_below(world.folder.path);
  std::vector<EpisodeId> found;
  for (const EpisodeId id : ids)
    if (bytes.find(code_of(unmistakable(id))) != bytes.npos ||
        bytes.find(bytes_of(clip_of(id))) != bytes.npos)
      found.push_back(id);
  return found;
}

TEST_CASE("what is forgotten is nowhere in the state folder, whatever became of it before", "[memory]") {
  INFO("seed " << kSeed);
  World world;
  Store store = world.open();
  std::mt19937_64 random(kSeed);
  std::vector<EpisodeId> all;
  // A life in which rows are inserted out of order, relabelled, used, moved between pages and let go.
  for (EpisodeId id = 1; id <= 1500; ++id) {
    Episode episode = world.lived(id % 2 ? id : 5000 - id, unmistakable(id % 2 ? id : 5000 - id));
    if (id % 3 == 0) episode.clip = clip_of(episode.id);
    store.remember(episode);
    all.push_back(episode.id);
    if (id % 64 == 0) store.flush();
  }
  store.flush();
  for (std::size_t i = 0; i < all.size(); i += 2)
    store.label(all[i], random() % 2 ? "walking" : "a longer label, so that the row grows");
  for (std::size_t i = 0; i < all.size(); i += 4) store.label(all[i], "running");
  store.note_use(all);
  consolidate(store, "activity", kWidth, {}, {});
  store.let_go_least_valuable(100);
  std::vector<EpisodeId> secret, kept;
  for (const EpisodeId id : all)
    if (store.find(id)) (random() % 3 == 0 ? secret : kept).push_back(id);
  store.checkpoint();
  REQUIRE(traces(world, secret) == secret);
  const auto before = store.concepts("activity");

  CHECK(store.forget(secret) == secret.size());
  CHECK(traces(world, secret).empty());
  CHECK(traces(world, kept).size() == kept.size());
  CHECK(store.check_integrity().empty());
  for (const Feedback& given : store.feedback("activity"))
    CHECK(std::ranges::find(secret, given.episode) == secret.end());
  store.remember(world.lived(9000, unmistakable(9000)));
  store.flush();
  CHECK(traces(world, secret).empty());
}

TEST_CASE("what still waits to be written never reaches the disk once forgotten", "[memory]") {
  World world;
  Store store = world.open();
  store.remember(world.lived(1, unmistakable(1)));
  CHECK(store.forget(std::array{EpisodeId{1}}) == 1);
  CHECK(traces(world, {1}).empty());
  CHECK_FALSE(store.find(1).has_value());
  CHECK(store.statistics().bytes_written > 0);
}

TEST_CASE("concepts are what is left without the forgotten", "[memory]") {
  World world;
  Store store = world.open();
  std::vector<EpisodeId> ids;
  for (std::size_t i = 0; i < 12; ++i) {
    ids.push_back(training_id(i));
    store.teach(world.lived(ids.back(), unmistakable(ids.back())), i < 10 ? "walking" : "sitting");
  }
  const SemanticOptions one{.prototypes = 1, .members = 1};
  consolidate(store, "activity", kWidth, {}, one);
  store.forget(std::span(ids).first(4));
  const auto poorer = store.concepts("activity");
  ConceptBuilder afresh(0, one);
  for (const Episode& episode : store.labelled("activity")) afresh.add(episode);
  const auto expected = afresh.build();
  REQUIRE(poorer.size() == expected.size());
  for (const Concept& want : expected) {
    const auto have = std::ranges::find(poorer, want.label, &Concept::label);
    REQUIRE(have != poorer.end());
    CHECK(have->count == want.count);
    CHECK(have->spread == Approx(want.spread).epsilon(1e-4));
    for (std::size_t i = 0; i < kWidth; ++i) CHECK(have->mean[i] == Approx(want.mean[i]).margin(1e-5));
  }
  store.forget(std::span(ids).subspan(10));
  CHECK(store.concepts("activity").size() == 1);
}

TEST_CASE("a stripped concept loses what survived in it, and goes when that was all", "[memory]") {
  World world;
  Store store = world.open();
  for (std::size_t i = 0; i < 8; ++i) store.teach(world.lived(training_id(i), unmistakable(i)), "walking");
  consolidate(store, "activity", kWidth, {}, {.prototypes = 1, .members = 1});
  store.let_go_least_valuable(6);
  consolidate(store, "activity", kWidth, {}, {.prototypes = 1, .members = 1});
  const Concept before = store.concepts("activity").at(0);
  REQUIRE(before.survived.count == 6);
  const std::array stripped{before.id};
  CHECK(store.forget({}, {}, stripped) == 0);
  const Concept after = store.concepts("activity").at(0);
  CHECK(after.count == 2);
  CHECK(after.survived.count == 0);
  store.forget(after.sources, {}, stripped);
  CHECK(store.concepts("activity").empty());
}

TEST_CASE("a selection means what all of its conditions say", "[memory]") {
  World world;
  Store store = world.open();
  for (EpisodeId id = 1; id <= 6; ++id) {
    Episode episode = world.lived(id, unmistakable(id), id < 4 ? "walking" : "sitting");
    episode.stream = id % 2 ? "left" : "right";
    episode.version = id < 6 ? 1 : 2;
    store.remember(episode);
    world.clock.advance(std::chrono::seconds(10));
  }
  store.label(5, "walking");
  store.remember(world.lived(7, unmistakable(7)));  // still queued
  using Ids = std::vector<EpisodeId>;
  CHECK(store.select({.model = "activity"}) == Ids{1, 2, 3, 4, 5, 6, 7});
  CHECK(store.select({.model = "other"}).empty());
  CHECK(store.select({.model = "activity", .label = "walking"}) == Ids{1, 2, 3, 5, 7});
  CHECK(store.select({.model = "activity", .ids = Ids{2, 9}}) == Ids{2});
  CHECK(store.select({.model = "activity", .stream = "left"}) == Ids{1, 3, 5});
  CHECK(store.select({.model = "activity", .version = 2}) == Ids{6});
  const auto third = store.find(3)->time;
  CHECK(store.select({.model = "activity", .before = third}) == Ids{1, 2});
  CHECK(store.select({.model = "activity", .label = "walking", .after = third}) == Ids{5, 7});
  const Selection::Near near{unmistakable(4), 0.5f};
  CHECK(store.select({.model = "activity", .like = near}) == Ids{4});
}

TEST_CASE("memory stays under its share of RAM", "[memory]") {
  World world;
  world.options.ram = {100'000};
  Store store = world.open();
  for (EpisodeId id = 1; id <= 3000; ++id) {
    store.remember(world.lived(id, unmistakable(id)));
    store.tick();
  }
  store.flush();
  CHECK(store.statistics().ram_bytes <= 100'000);
  CHECK(store.statistics().episodes > 500);
  CHECK(store.statistics().episodes * (kWidth + 48) == store.statistics().ram_bytes);
}

}  // namespace
}  // namespace dormouse::memory
