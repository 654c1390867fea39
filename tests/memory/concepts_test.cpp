#include "memory/concepts.h"

#include <catch2/catch.hpp>

using namespace dormouse;
using namespace dormouse::memory;

namespace {

EpisodeId next_with(bool held_out, EpisodeId after) {
  do ++after;
  while (is_held_out(after) != held_out);
  return after;
}

Episode episode(EpisodeId id, std::optional<std::string> label, std::vector<float> latent) {
  Episode made;
  made.id = id;
  made.label = std::move(label);
  made.latent = quantise(latent);
  made.embedding_version = 3;
  return made;
}

}  // namespace

TEST_CASE("a concept is the mean and the spread of its members", "[memory]") {
  ConceptBuilder builder(3);
  builder.add("walk", std::vector{1.0f, 0.0f}, 0);
  builder.add("walk", std::vector{3.0f, 0.0f}, 9);
  builder.add("sit", std::vector{0.0f, 5.0f}, 0);
  const auto concepts = builder.build();
  REQUIRE(concepts.size() == 2);
  CHECK(concepts[0].label == "sit");
  CHECK(concepts[0].spread == 0);
  CHECK(concepts[1].mean == std::vector{2.0f, 0.0f});
  CHECK(concepts[1].spread == Approx(1.0));
  CHECK(concepts[1].count == 2);
  CHECK(concepts[1].sources == std::vector<EpisodeId>{9});
}

TEST_CASE("concepts learn neither from held-out nor unlabelled nor foreign episodes", "[memory]") {
  const EpisodeId training = next_with(false, 0);
  ConceptBuilder builder(3);
  builder.add(episode(training, "walk", {1, 0}));
  builder.add(episode(next_with(true, 0), "walk", {9, 9}));
  builder.add(episode(next_with(false, training), std::nullopt, {9, 9}));
  Episode foreign = episode(next_with(false, training), "walk", {9, 9});
  foreign.embedding_version = 2;
  builder.add(foreign);
  const auto concepts = builder.build();
  REQUIRE(concepts.size() == 1);
  CHECK(concepts[0].sources == std::vector<EpisodeId>{training});
  CHECK(concepts[0].mean[0] == Approx(1.0));
}

TEST_CASE("the nearest concepts come first and those of another width not at all", "[memory]") {
  std::vector<Concept> concepts(3);
  concepts[0].mean = {0, 0};
  concepts[1].mean = {3, 4};
  concepts[2].mean = {1};
  const auto matches = nearest(concepts, std::vector{3.0f, 3.0f}, 5);
  REQUIRE(matches.size() == 2);
  CHECK(matches[0].match == &concepts[1]);
  CHECK(matches[0].distance == Approx(1.0));
  CHECK(nearest(concepts, std::vector{0.0f, 0.0f}, 1).size() == 1);
}
