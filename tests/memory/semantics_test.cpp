#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "memory/consolidation.h"
#include "tests/memory/world.h"

namespace dormouse::memory {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSeed = 11;
const std::vector<float> kLeft{-5, 0, 0}, kRight{5, 0, 0}, kFar{0, 20, 0};

/// Teaches `count` episodes of a label about a centre, none of them held out, and returns their ids.
std::vector<EpisodeId> teach(World& world, Store& store, const std::string& label,
                             const std::vector<float>& centre, std::size_t first, std::size_t count) {
  std::mt19937_64 random(kSeed + first);
  std::vector<EpisodeId> ids;
  for (std::size_t i = 0; i < count; ++i) {
    ids.push_back(training_id(first + i));
    store.teach(world.lived(ids.back(), near_to(centre, random), label), label);
    world.clock.advance(2min);  // no sequence
  }
  return ids;
}

void sleep(Store& store, const SemanticOptions& options = {.prototypes = 2, .members = 5}) {
  consolidate(store, "activity", 3, {}, options);
}

double distance(const Concept& a, const std::vector<float>& b) {
  double squares = 0;
  for (std::size_t i = 0; i < b.size(); ++i) squares += std::pow(double{a.mean[i]} - double{b[i]}, 2);
  return std::sqrt(squares);
}

TEST_CASE("a class in two places has two prototypes, each with its own members", "[memory]") {
  World world;
  Store store = world.open();
  const auto left = teach(world, store, "walking", kLeft, 0, 12);
  const auto right = teach(world, store, "walking", kRight, 12, 8);
  sleep(store);
  auto concepts = store.concepts("activity");
  REQUIRE(concepts.size() == 2);
  if (concepts[0].mean[0] > 0) std::swap(concepts[0], concepts[1]);
  CHECK(concepts[0].sources == left);
  CHECK(concepts[1].sources == right);
  CHECK(concepts[0].count == 12);
  CHECK(distance(concepts[0], kLeft) < 0.5);
  CHECK(concepts[0].spread < 1);
}

TEST_CASE("few members make few prototypes", "[memory]") {
  World world;
  Store store = world.open();
  teach(world, store, "walking", kLeft, 0, 5);
  teach(world, store, "walking", kRight, 5, 4);
  sleep(store, {.prototypes = 5, .members = 10});
  CHECK(store.concepts("activity").size() == 1);
}

TEST_CASE("a concept keeps its id from night to night while it moves", "[memory]") {
  World world;
  Store store = world.open();
  teach(world, store, "walking", kLeft, 0, 10);
  sleep(store);
  const auto before = store.concepts("activity");
  teach(world, store, "walking", {-4, 0, 0}, 20, 10);
  teach(world, store, "sitting", kFar, 40, 6);
  sleep(store);
  const auto after = store.concepts("activity");
  const auto kept = std::ranges::count_if(after, [&](const Concept& c) { return c.id == before[0].id; });
  CHECK(kept == 1);
}

TEST_CASE("a concept outlives its episodes: mean, count and spread stay", "[memory]") {
  World world;
  Store store = world.open();
  teach(world, store, "walking", kLeft, 0, 30);
  sleep(store, {.prototypes = 1, .members = 5});
  const Concept before = store.concepts("activity").at(0);
  // All but the last witness go.
  CHECK(store.let_go_least_valuable(100).size() == 29);
  CHECK(store.concepts("activity").at(0).sources.size() == 1);
  sleep(store, {.prototypes = 1, .members = 5});
  const Concept after = store.concepts("activity").at(0);
  CHECK(after.id == before.id);
  CHECK(after.count == 30);
  CHECK(after.survived.count == 29);
  CHECK(distance(after, before.mean) < 1e-4);
  CHECK(after.spread == Approx(before.spread).epsilon(1e-4));

  // What is new weighs against what survived by its number.
  teach(world, store, "walking", kRight, 30, 10);
  sleep(store, {.prototypes = 1, .members = 5});
  const Concept merged = store.concepts("activity").at(0);
  CHECK(merged.count == 40);
  CHECK(merged.mean[0] == Approx((30 * -5.0 + 10 * 5.0) / 40).margin(0.2));
}

TEST_CASE("redundant episodes go before unlabelled ones, and those before other labelled ones", "[memory]") {
  World world;
  Store store = world.open();
  const auto inside = teach(world, store, "walking", kLeft, 0, 20);
  std::mt19937_64 random(kSeed);
  const EpisodeId corrected = training_id(30), outside = training_id(31), unlabelled = training_id(32),
                  familiar = training_id(33);
  store.teach(world.lived(corrected, kLeft, "sitting"), "walking");
  store.teach(world.lived(outside, {-5, 3, 0}, "walking"), "walking");
  store.remember(world.lived(unlabelled, kFar));
  store.remember(world.lived(familiar, kLeft));
  store.teach(world.lived(training_id(40), kRight, "sitting"), "sitting");
  sleep(store, {.prototypes = 1, .members = 5});
  const auto redundant = store.redundant("activity");
  const auto is = [&](EpisodeId id) { return std::ranges::find(redundant, id) != redundant.end(); };
  CHECK(is(familiar));
  CHECK_FALSE(is(corrected));
  CHECK_FALSE(is(outside));
  CHECK_FALSE(is(unlabelled));
  const auto well_inside = std::ranges::count_if(inside, is);
  CHECK(well_inside >= 5);

  const auto order = store.least_valuable(100);
  CHECK(order.front() == familiar);
  REQUIRE(order.size() > static_cast<std::size_t>(well_inside) + 1);
  CHECK(order[static_cast<std::size_t>(well_inside) + 1] == unlabelled);
  CHECK(std::ranges::find(order, training_id(40)) == order.end());  // sole witness
}

TEST_CASE("the last member of a prototype stays", "[memory]") {
  World world;
  Store store = world.open();
  teach(world, store, "walking", kLeft, 0, 10);
  const auto right = teach(world, store, "walking", kRight, 10, 1);
  sleep(store, {.prototypes = 2, .members = 5});
  REQUIRE(store.concepts("activity").size() == 2);
  store.let_go_least_valuable(100);
  CHECK(store.find(right[0]).has_value());
  CHECK(store.statistics().episodes == 2);
}

TEST_CASE("use, feedback and surprise make an episode stay longer", "[memory]") {
  using days = std::chrono::days;
  CHECK(strength(1, 0, days(30)) == Approx(std::exp(-1.0)));
  CHECK(strength(1, 1, days(30)) == Approx(std::exp(-0.5)));
  CHECK(strength(1, 0, -days(1)) == 1);
  CHECK(surprise(0.9f, 0.3f) == 0.3f);
  CHECK(surprise(0.25f, 0.3f) == 0.75f);
  World world;
  Store store = world.open();
  Episode plain = world.lived(1, kLeft), taught = world.lived(2, kLeft), corrected = world.lived(4, kLeft);
  for (Episode* episode : {&plain, &taught, &corrected}) episode->importance = 0.25f;
  store.remember(plain);
  store.teach(taught, "walking");
  store.teach(corrected, "sitting");
  store.label(4, "running");  // said again, it does not count again
  CHECK(store.find(1)->importance == 0.25f);
  CHECK(store.find(2)->importance == 1.25f);
  CHECK(store.find(4)->importance == 2.25f);
}

TEST_CASE("what is let go is handed to the distiller and written with it", "[memory]") {
  World world;
  world.options.capacity = 4;
  Store store = world.open();
  std::vector<EpisodeId> distilled;
  store.distil_with([&](std::span<const Episode> gone) {
    for (const Episode& episode : gone) distilled.push_back(episode.id);
    return std::vector{Entry{"distilled", std::to_string(distilled.size())}};
  });
  teach(world, store, "walking", kLeft, 0, 8);
  CHECK(distilled.size() == 4);
  CHECK(store.get("distilled") == "4");
  CHECK(store.take_evicted() == distilled);
}

TEST_CASE("links tell what was confused, what followed and what was seen together", "[memory]") {
  World world;
  Store store = world.open();
  teach(world, store, "walking", kLeft, 0, 5);
  teach(world, store, "sitting", kRight, 5, 5);
  world.clock.advance(1h);
  sleep(store);
  EpisodeId id = 1000;
  const auto live = [&](const std::string& what, const std::string& stream) {
    Episode episode = world.lived(++id, what == "walking" ? kLeft : kRight, what);
    episode.stream = stream;
    store.remember(episode);
  };
  for (int i = 0; i < 3; ++i) {
    live("walking", "left wrist");
    live("sitting", "room");
    world.clock.advance(2s);
    live("sitting", "left wrist");
    world.clock.advance(5min);
  }
  store.teach(world.lived(training_id(900), kLeft, "walking"), "sitting");
  sleep(store);
  const auto links = store.links("activity");
  const auto weight = [&](LinkKind kind, const std::string& from, const std::string& to) {
    double sum = 0;
    for (const Link& link : links)
      if (link.kind == kind && link.source_label == from && link.target_label == to) sum += link.weight;
    return sum;
  };
  CHECK(weight(LinkKind::confused_with, "walking", "sitting") == Approx(1));
  CHECK(weight(LinkKind::follows, "walking", "sitting") == Approx(3));
  CHECK(weight(LinkKind::follows, "sitting", "walking") == 0);  // five minutes are no sequence
  CHECK(weight(LinkKind::seen_together, "walking", "sitting") +
            weight(LinkKind::seen_together, "sitting", "walking") ==
        Approx(3));
}

TEST_CASE("a link fades, is closed, and still tells what held when", "[memory]") {
  World world;
  Store store = world.open();
  teach(world, store, "walking", kLeft, 0, 5);
  teach(world, store, "sitting", kRight, 5, 5);
  store.teach(world.lived(training_id(20), kLeft, "walking"), "sitting");
  sleep(store, {.prototypes = 1, .members = 5});
  REQUIRE(store.links("activity").size() == 1);
  const Link made = store.links("activity")[0];
  CHECK(made.valid_from == world.clock.wall());
  world.clock.advance(30 * 24h);
  sleep(store, {.prototypes = 1, .members = 5});
  REQUIRE(store.links("activity").size() == 1);  // the same observation is not counted twice
  CHECK(store.links("activity")[0].weight == Approx(std::exp(-1.0)));
  world.clock.advance(90 * 24h);
  sleep(store, {.prototypes = 1, .members = 5});
  CHECK(store.links("activity").empty());
  const auto then = store.links("activity", made.valid_from + 1h);
  REQUIRE(then.size() == 1);
  CHECK(then[0].kind == LinkKind::confused_with);
  CHECK(then[0].valid_to == world.clock.wall());
  CHECK(store.links("activity", made.valid_from - 1h).empty());
}

TEST_CASE("shipped latents shape concepts without being members that memory holds", "[memory]") {
  World world;
  Store store = world.open();
  const std::vector<ShippedLatent> shipped{{"walking", kLeft}, {"walking", kLeft}, {"sitting", kRight}};
  teach(world, store, "walking", kLeft, 0, 2);
  consolidate(store, "activity", 3, shipped, {.prototypes = 1, .members = 5});
  consolidate(store, "activity", 3, shipped, {.prototypes = 1, .members = 5});
  const auto concepts = store.concepts("activity");
  REQUIRE(concepts.size() == 2);
  for (const Concept& one : concepts) CHECK(one.count == (one.label == "walking" ? 4 : 1));
  const std::vector<float> query{4, 0, 0};
  const auto near = nearest_of_each_class(concepts, query);
  REQUIRE(near.size() == 2);
  CHECK(near[0].match->label == "sitting");
}

}  // namespace
}  // namespace dormouse::memory
