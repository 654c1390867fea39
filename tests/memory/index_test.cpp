#include "memory/index.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <thread>

#include "config/error.h"

using namespace dormouse;
using namespace dormouse::memory;

namespace {

std::vector<float> random_latent(std::mt19937& random, std::size_t width) {
  std::normal_distribution<float> normal;
  std::vector<float> latent(width);
  for (float& x : latent) x = normal(random);
  return latent;
}

float distance(std::span<const float> a, std::span<const float> b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += std::pow(double{a[i]} - double{b[i]}, 2);
  return static_cast<float>(std::sqrt(squares));
}

/// What the index should answer, by the book.
std::vector<EpisodeId> nearest_by_sorting(const std::vector<CodedLatent>& stored,
                                          std::span<const float> query, std::size_t k) {
  std::vector<std::pair<float, EpisodeId>> all;
  for (std::size_t i = 0; i < stored.size(); ++i)
    all.emplace_back(distance(query, dequantise(stored[i])), i + 1);
  std::ranges::sort(all);
  std::vector<EpisodeId> ids;
  for (std::size_t i = 0; i < std::min(k, all.size()); ++i) ids.push_back(all[i].second);
  return ids;
}

std::vector<EpisodeId> ids(const std::vector<Match>& matches) {
  std::vector<EpisodeId> found;
  for (const Match& match : matches) found.push_back(match.id);
  return found;
}

}  // namespace

TEST_CASE("the scan finds the true nearest neighbours, over several chunks", "[memory]") {
  std::mt19937 random(5);
  INFO("seed 5");
  constexpr std::size_t width = 24, rows = 40'000;
  VectorIndex index(width, rows);
  std::vector<CodedLatent> stored;
  for (std::size_t i = 0; i < rows; ++i) {
    stored.push_back(quantise(random_latent(random, width)));
    REQUIRE(index.add({.id = i + 1}, stored.back()));
  }
  for (int trial = 0; trial < 20; ++trial) {
    const auto query = random_latent(random, width);
    const auto matches = index.search(query, 10);
    CHECK(ids(matches) == nearest_by_sorting(stored, query, 10));
    CHECK(matches[0].distance ==
          Approx(distance(query, dequantise(stored[matches[0].id - 1]))).epsilon(1e-5));
  }
}

TEST_CASE("short vectors do not hide longer ones that are nearer, however coarse the query's codes",
          "[memory]") {
  constexpr std::size_t width = 64, rows = 2048, shorts = 24, longs = 10;
  std::mt19937 random(6);
  INFO("seed 6");
  for (int trial = 0; trial < 5; ++trial) {
    VectorIndex index(width, rows);
    std::vector<float> query = random_latent(random, width);
    query[0] = 1000;  // next to it the codes know nothing of the others
    std::vector<CodedLatent> stored;
    for (std::size_t i = 0; i < rows; ++i) {
      std::vector<float> latent = random_latent(random, width);
      const bool is_short = i % 64 == 0 && i / 64 < shorts, is_long = i % 64 == 1 && i / 64 < longs;
      for (std::size_t j = 0; j < width; ++j)
        latent[j] = is_short  ? 1e-3f * latent[j]
                    : is_long ? 0.3f * (latent[j] + query[j])  // goes along with the query
                              : 50 * latent[j];
      latent[0] = 0;
      stored.push_back(quantise(latent));
      REQUIRE(index.add({.id = i + 1}, stored.back()));
    }
    const std::vector<Match> found = index.search(query, longs);
    const std::vector<EpisodeId> best = nearest_by_sorting(stored, query, longs);
    for (std::size_t i = 0; i < longs; ++i)  // up to rounding, at a distance of 1,000
      CHECK(distance(query, dequantise(stored[found.at(i).id - 1])) <=
            distance(query, dequantise(stored[best[i] - 1])) + 1e-3f);
  }
}

TEST_CASE("filters decide which rows count", "[memory]") {
  VectorIndex index(2, 10);
  const auto latent = quantise(std::vector{1.0f, 0.0f});
  for (EpisodeId id = 1; id <= 6; ++id) {
    const IndexRow row{id, static_cast<std::uint32_t>(id % 2), id > 2, static_cast<std::int64_t>(10 * id),
                       id > 4 ? 2 : 1};
    REQUIRE(index.add(row, latent));
  }
  const std::vector query{1.0f, 0.0f};
  CHECK(ids(index.search(query, 9)) == std::vector<EpisodeId>{1, 2, 3, 4, 5, 6});
  CHECK(ids(index.search(query, 9, {.label = 1})) == std::vector<EpisodeId>{1, 3, 5});
  CHECK(ids(index.search(query, 9, {.labelled_only = true})) == std::vector<EpisodeId>{3, 4, 5, 6});
  CHECK(ids(index.search(query, 9, {.after = 20, .before = 50})) == std::vector<EpisodeId>{3, 4});
  CHECK(ids(index.search(query, 9, {.version = 2})) == std::vector<EpisodeId>{5, 6});
  std::vector<EpisodeId> training;
  for (EpisodeId id = 1; id <= 6; ++id) {
    if (!is_held_out(id)) training.push_back(id);
  }
  CHECK(ids(index.search(query, 9, {.without_held_out = true})) == training);
  CHECK(index.search(query, 0).empty());
}

TEST_CASE("what came in a stream is found there as by looking at all of it", "[memory]") {
  std::mt19937 random(11);
  INFO("seed 11");
  constexpr std::size_t width = 12, rows = 20'000;
  constexpr std::uint32_t streams = 7;  // 0 is none
  const auto stream_of = [](EpisodeId id) { return static_cast<std::uint32_t>(id * id % streams); };
  VectorIndex index(width, rows);
  std::vector<CodedLatent> stored;
  for (EpisodeId id = 1; id <= rows; ++id) {
    stored.push_back(quantise(random_latent(random, width)));
    REQUIRE(index.add({.id = id, .stream = stream_of(id)}, stored.back()));
    if (id % 3 == 0)
      REQUIRE(index.relabel(id, static_cast<std::uint32_t>(id), true));  // it stays in its stream
  }
  const auto compacted = index.compacted();
  for (std::uint32_t stream = 0; stream < streams; ++stream) {
    INFO("stream " << stream);
    const auto query = random_latent(random, width);
    std::vector<std::pair<float, EpisodeId>> scanned;
    for (EpisodeId id = 1; id <= rows; ++id)
      if (stream_of(id) == stream) scanned.emplace_back(distance(query, dequantise(stored[id - 1])), id);
    std::ranges::sort(scanned);
    std::vector<EpisodeId> expected;
    for (std::size_t i = 0; i < std::min<std::size_t>(10, scanned.size()); ++i)
      expected.push_back(scanned[i].second);
    CHECK(ids(index.search(query, 10, {.stream = stream})) == expected);
    CHECK(ids(compacted->search(query, 10, {.stream = stream})) == expected);
  }
  CHECK(index.search(random_latent(random, width), 10, {.stream = streams}).empty());
}

TEST_CASE("rows that have halves are scored by them", "[memory]") {
  std::mt19937 random(13);
  INFO("seed 13");
  constexpr std::size_t width = 20, rows = 3'000;
  VectorIndex index(width, rows, LatentFormat::f16);
  std::vector<CodedLatent> stored;
  for (EpisodeId id = 1; id <= rows; ++id) {
    stored.push_back(encode(random_latent(random, width), id % 4 ? LatentFormat::f16 : LatentFormat::int8));
    REQUIRE(index.add({.id = id}, stored.back()));
  }
  const auto compacted = index.compacted();
  for (int trial = 0; trial < 20; ++trial) {
    const auto query = random_latent(random, width);
    const auto matches = index.search(query, 10);
    CHECK(ids(matches) == nearest_by_sorting(stored, query, 10));
    CHECK(ids(compacted->search(query, 10)) == ids(matches));
    for (const Match& match : matches)
      CHECK(match.distance == Approx(distance(query, dequantise(stored[match.id - 1]))).epsilon(1e-6));
  }
}

TEST_CASE("removed rows are not found, and compaction changes no answer", "[memory]") {
  std::mt19937 random(3);
  INFO("seed 3");
  VectorIndex index(8, 5000);
  for (EpisodeId id = 1; id <= 5000; ++id) REQUIRE(index.add({.id = id}, quantise(random_latent(random, 8))));
  CHECK_FALSE(index.add({.id = 5001}, quantise(random_latent(random, 8))));
  for (EpisodeId id = 1; id <= 5000; id += 3) CHECK(index.remove(id));
  CHECK_FALSE(index.remove(1));
  CHECK_FALSE(index.remove(77'777));
  CHECK(index.wants_compaction(IndexKind::exact));
  CHECK(index.relabel(2, 7, true));

  const auto fresh = index.compacted();
  CHECK(fresh->size() == index.size());
  CHECK_FALSE(fresh->wants_compaction(IndexKind::exact));
  for (int trial = 0; trial < 10; ++trial) {
    const auto query = random_latent(random, 8);
    const auto before = index.search(query, 16);
    CHECK(ids(before) == ids(fresh->search(query, 16)));
    for (const Match& match : before) CHECK(match.id % 3 != 1);
  }
  const auto relabelled = fresh->search(std::vector<float>(8), 64, {.label = 7});
  REQUIRE(relabelled.size() == 1);
  CHECK(relabelled[0].id == 2);
  CHECK(relabelled[0].labelled);
}

TEST_CASE("a query of another width, or not finite, is refused", "[memory]") {
  VectorIndex index(3, 4);
  CHECK_THROWS_AS(index.search(std::vector{1.0f}, 1), Failure);
  CHECK_THROWS_AS(index.search(std::vector{1.0f, 2.0f, std::nanf("")}, 1), Failure);
  CHECK(index.search(std::vector{1.0f, 2.0f, 3.0f}, 1).empty());
}

TEST_CASE("readers see whole rows while a writer appends, relabels and removes", "[memory]") {
  VectorIndex index(4, 20'000);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (EpisodeId id = 1; id <= 20'000; ++id) {
      const auto x = static_cast<float>(id);
      if (!index.add({.id = id, .label = static_cast<std::uint32_t>(id)}, quantise(std::vector{x, x, x, x})))
        break;
      if (id % 5 == 0) index.remove(id - 2);
    }
    done = true;
  });
  std::size_t wrong = 0;
  while (!done) {
    for (const Match& match : index.search(std::vector(4, 1000.0f), 8)) {
      const float expected = 2 * std::abs(static_cast<float>(match.id) - 1000.0f);
      wrong += match.label == match.id && std::abs(match.distance - expected) < 0.1f ? 0 : 1;
    }
  }
  writer.join();
  CHECK(wrong == 0);
  CHECK(index.size() == 16'000);
}

TEST_CASE("the nearest that pass a filter are found among many nearer that do not", "[memory]") {
  std::mt19937 random(8);
  INFO("seed 8");
  constexpr std::size_t width = 16, rows = 9'000;
  VectorIndex index(width, rows);
  std::vector<CodedLatent> stored;
  for (std::size_t i = 0; i < rows; ++i) {  // ever farther away, as a stream that drifts
    auto latent = random_latent(random, width);
    latent[0] += static_cast<float>(i) / 100;
    stored.push_back(quantise(latent));
    REQUIRE(index.add({.id = i + 1, .label = i < 6'000 ? 0u : 1u}, stored.back()));
  }
  const auto query = random_latent(random, width);
  CHECK(ids(index.search(query, 20)) == nearest_by_sorting(stored, query, 20));
  auto far = nearest_by_sorting(stored, query, rows);
  std::erase_if(far, [](EpisodeId id) { return id <= 6'000; });
  far.resize(20);
  CHECK(ids(index.search(query, 20, {.label = 1})) == far);
}
