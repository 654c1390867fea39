#include "memory/graph.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "config/error.h"
#include "memory/index.h"
#include "tests/memory/sample_graph.h"

using namespace dormouse;
using namespace dormouse::memory;

namespace {

/// Vectors around a few centres, as latents lie around their classes.
class Clusters {
 public:
  Clusters(std::size_t width, std::size_t count, unsigned seed) : random_(seed), centres_(count) {
    for (auto& centre : centres_) centre = noise(width, 1.0f);
  }
  std::vector<float> draw() {
    const auto& centre = centres_[random_() % centres_.size()];
    auto vector = noise(centre.size(), 0.5f);
    for (std::size_t i = 0; i < vector.size(); ++i) vector[i] += centre[i];
    return vector;
  }
  std::vector<float> noise(std::size_t width, float deviation) {
    std::vector<float> values(width);
    for (float& x : values) x = deviation * normal_(random_);
    return values;
  }

 private:
  std::mt19937 random_;
  std::normal_distribution<float> normal_;
  std::vector<std::vector<float>> centres_;
};

GraphBuilder built(const VectorIndex& index) {
  GraphBuilder builder = index.begin_graph();
  while (!builder.advance(1000)) {
  }
  return builder;
}

std::vector<EpisodeId> ids(const std::vector<Match>& matches) {
  std::vector<EpisodeId> found;
  for (const Match& match : matches) found.push_back(match.id);
  return found;
}

double recall(const VectorIndex& found_by, const VectorIndex& truth, Clusters& clusters, std::size_t queries,
              const Filter& filter = {}) {
  std::size_t hits = 0, all = 0;
  for (std::size_t i = 0; i < queries; ++i) {
    const auto query = clusters.draw();
    const auto right = ids(truth.search(query, 10, filter)), found = ids(found_by.search(query, 10, filter));
    CHECK(found.size() == right.size());
    const std::set<EpisodeId> set(right.begin(), right.end());
    for (const EpisodeId id : found) hits += set.count(id);
    all += right.size();
  }
  return static_cast<double>(hits) / static_cast<double>(all);
}

#if defined(DORMOUSE_SANITIZED)
constexpr std::size_t kRows = 10'000;  // building takes ten times as long there
#else
constexpr std::size_t kRows = 20'000;
#endif
constexpr std::size_t kWidth = 16;

}  // namespace

TEST_CASE("a graph finds 99 of 100 neighbours, whatever came and went since", "[memory]") {
  INFO("seed 17");
  Clusters clusters(kWidth, 200, 17);
  VectorIndex index(kWidth, 100'000);
  for (EpisodeId id = 1; id <= kRows; ++id) {
    const IndexRow row{
        .id = id, .label = static_cast<std::uint32_t>(id % 50), .time = static_cast<std::int64_t>(id)};
    REQUIRE(index.add(row, quantise(clusters.draw())));
  }
  const IndexGraph made = examined(built(index));
  REQUIRE(made.graph);
  CHECK(made.beam >= 64);
  const auto with_graph = index.with(made);
  REQUIRE(with_graph);
  CHECK(with_graph->has_graph());
  CHECK(with_graph->size() == kRows);

  CHECK(recall(*with_graph, index, clusters, 300) >= 0.99);

  // Filters that few rows pass.
  CHECK(recall(*with_graph, index, clusters, 50, {.label = 7}) >= 0.99);
  CHECK(recall(*with_graph, index, clusters, 50, {.after = kRows - 100}) == 1.0);
  CHECK(with_graph->search(clusters.draw(), 10, {.label = 99}).empty());

  // A tail that came later, and nodes that have gone.
  for (EpisodeId id = kRows + 1; id <= kRows + kRows / 12; ++id) {
    const IndexRow row{.id = id, .time = static_cast<std::int64_t>(id)};
    const auto latent = quantise(clusters.draw());
    REQUIRE(with_graph->add(row, latent));
    REQUIRE(index.add(row, latent));
  }
  for (EpisodeId id = 5; id <= kRows; id += 50) {
    REQUIRE(with_graph->remove(id));
    REQUIRE(index.remove(id));
  }
  CHECK_FALSE(with_graph->wants_graph(IndexKind::hnsw));
  CHECK(recall(*with_graph, index, clusters, 300) >= 0.99);
  CHECK(recall(*with_graph, index, clusters, 50, {.after = kRows}) == 1.0);
  for (EpisodeId id = 7; id <= kRows; id += 25) REQUIRE(with_graph->remove(id));
  CHECK(with_graph->wants_graph(IndexKind::hnsw));
}

TEST_CASE("a graph over rows without structure is not worth having", "[memory]") {
  INFO("seed 3");
  Clusters noise(64, 1, 3);
  VectorIndex index(64, 20'000);
  for (EpisodeId id = 1; id <= 3000; ++id) REQUIRE(index.add({.id = id}, quantise(noise.noise(64, 1.0f))));
  CHECK(index.wants_graph(IndexKind::hnsw));
  const IndexGraph made = examined(built(index));
  CHECK(made.graph == nullptr);
  const auto without_graph = index.with(made);
  REQUIRE(without_graph);
  CHECK_FALSE(without_graph->has_graph());
  CHECK_FALSE(without_graph->wants_graph(IndexKind::hnsw));  // until the rows have changed
  for (EpisodeId id = 10'001; id <= 11'000; ++id)
    REQUIRE(without_graph->add({.id = id}, quantise(noise.noise(64, 1.0f))));
  CHECK(without_graph->wants_graph(IndexKind::hnsw));
}

TEST_CASE("a thousand times the same vector hides nothing else", "[memory]") {
  INFO("seed 23");
  Clusters clusters(kWidth, 20, 23);
  VectorIndex index(kWidth, 20'000);
  const auto same = quantise(clusters.draw());
  for (EpisodeId id = 1; id <= 3000; ++id)
    REQUIRE(index.add({.id = id}, id % 2 == 0 ? same : quantise(clusters.draw())));
  const auto with_graph = index.with(examined(built(index)));
  REQUIRE(with_graph);
  CHECK(recall(*with_graph, index, clusters, 200) >= 0.95);
  CHECK(with_graph->search(dequantise(same), 10).front().distance == Approx(0).margin(1e-4));
}

TEST_CASE("a graph of rows that were replaced meanwhile is dropped", "[memory]") {
  VectorIndex index = sample_index();
  const GraphBuilder builder = sample_graph(index);
  CHECK(index.compacted()->with(examined(builder)) == nullptr);
}

TEST_CASE("the automatic index is exact when small, a graph when large, and between as it is asked",
          "[memory]") {
  VectorIndex index(1, 200'000);
  const std::vector<std::int8_t> code{1};
  const auto grow_to = [&](std::size_t rows) {
    while (index.size() < rows) REQUIRE(index.load({.id = index.size() + 1}, {code, 1.0f}));
  };
  const std::vector query{1.0f};
  const auto ask = [&](int times) {
    for (int i = 0; i < times; ++i) (void)index.search(query, 1, {.label = 1});
  };
  grow_to(1'000);
  CHECK(index.wants_graph(IndexKind::hnsw));
  ask(1'000);
  CHECK_FALSE(index.wants_graph(IndexKind::automatic));
  grow_to(60'000);
  CHECK(index.wants_graph(IndexKind::automatic));
  for (int i = 0; i < 201; ++i) REQUIRE(index.add({.id = 100'000}, {code, 1.0f}));
  CHECK_FALSE(index.wants_graph(IndexKind::automatic));  // not five searches for a new row
  grow_to(100'001);
  CHECK(index.wants_graph(IndexKind::automatic));
  CHECK_FALSE(index.wants_graph(IndexKind::exact));
}

TEST_CASE("a graph from outside is looked through for every fault", "[memory]") {
  const GraphLinks sound = sample_graph(sample_index()).links();
  REQUIRE(fault_of(sound).empty());
  const auto spoilt = [&](auto spoil) {
    GraphLinks graph = sound;
    spoil(graph);
    return fault_of(graph);
  };
  const auto offsets = list_offsets(sound);
  const auto low = static_cast<std::uint32_t>(std::ranges::find(sound.levels, 0) - sound.levels.begin());
  CHECK(fault_of({}) == "it has no nodes");
  CHECK(spoilt([](GraphLinks& g) { g.entry = 100'000; }) == "its entry point is not a node");
  CHECK(spoilt([&](GraphLinks& g) { g.entry = low; }) == "its entry point is not on the highest level");
  CHECK(spoilt([&](GraphLinks& g) { g.levels[low] = 200; }) == "a level is too high");
  CHECK(spoilt([&](GraphLinks& g) { ++g.levels[low]; }) == "its lists do not follow each other");
  CHECK(spoilt([](GraphLinks& g) { g.first.pop_back(); }) == "its lists do not follow each other");
  CHECK(spoilt([](GraphLinks& g) { g.first[3] = ~0u; }) == "its lists do not follow each other");
  CHECK(spoilt([](GraphLinks& g) { g.links[5] = 100'000; }) == "a link leads nowhere");
  CHECK(spoilt([](GraphLinks& g) { g.links[0] = 0; }) == "a link leads nowhere");
  CHECK(spoilt([](GraphLinks& g) { g.links[1] = g.links[0]; }) == "a link is there twice");
  CHECK(spoilt([&](GraphLinks& g) { g.links[g.first[offsets[g.entry] + 1]] = low; }) ==
        "a link leads to a node that is not on its level");
  CHECK(spoilt([](GraphLinks& g) {
          for (auto& begin : g.first)
            if (begin != 0) begin = static_cast<std::uint32_t>(g.links.size());
        }) == "a node has too many links");
}

TEST_CASE("a graph without some of its nodes is sound and still leads everywhere", "[memory]") {
  const GraphLinks whole = sample_graph(sample_index()).links();
  std::vector<bool> lost(whole.size());
  for (std::size_t node = 0; node < lost.size(); node += 6) lost[node] = true;
  lost[whole.entry] = true;
  const GraphLinks left = without(whole, lost);
  CHECK(left.size() == static_cast<std::size_t>(std::ranges::count(lost, false)));
  CHECK(fault_of(left).empty());

  std::vector<std::uint32_t> reached{left.entry};
  std::set<std::uint32_t> seen{left.entry};
  const auto offsets = list_offsets(left);
  for (std::size_t i = 0; i < reached.size(); ++i) {
    const std::uint32_t list = offsets[reached[i]];
    for (std::uint32_t at = left.first[list]; at < left.first[list + 1]; ++at)
      if (seen.insert(left.links[at]).second) reached.push_back(left.links[at]);
  }
  CHECK(seen.size() == left.size());
}
