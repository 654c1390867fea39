#include "memory/cluster.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/memory/world.h"

namespace dormouse::memory {
namespace {

constexpr std::uint64_t kSeed = 5;

std::vector<std::vector<float>> blobs(const std::vector<std::vector<float>>& centres, std::size_t each) {
  std::mt19937_64 random(kSeed);
  std::vector<std::vector<float>> points;
  for (std::size_t i = 0; i < each; ++i)
    for (const auto& centre : centres) points.push_back(near_to(centre, random));
  return points;
}

std::vector<WeightedPoint> weighted(const std::vector<std::vector<float>>& points) {
  std::vector<WeightedPoint> result;
  for (const auto& point : points) result.push_back({point});
  return result;
}

TEST_CASE("k-means finds clusters that are apart", "[memory]") {
  INFO("seed " << kSeed);
  const std::vector<std::vector<float>> centres{{0, 0}, {10, 0}, {0, 10}, {10, 10}};
  const auto points = blobs(centres, 30);
  const Clustering found = cluster(weighted(points), 4, {}, kSeed);
  REQUIRE(found.centres.size() == 4);
  for (const auto& centre : centres)
    CHECK(std::ranges::count_if(found.centres,
                                [&](const auto& c) { return squared_distance(c, centre) < 0.25; }) == 1);
  for (std::size_t p = 0; p < points.size(); ++p)
    CHECK(squared_distance(points[p], found.centres[found.nearest[p]]) < 1);
}

TEST_CASE("the same points and seed make the same clusters, bit by bit", "[memory]") {
  const auto points = blobs({{0, 0}, {3, 0}, {0, 3}}, 40);
  const Clustering once = cluster(weighted(points), 5, {}, 9), again = cluster(weighted(points), 5, {}, 9);
  CHECK(once.centres == again.centres);
  CHECK(once.nearest == again.nearest);
}

TEST_CASE("a heavy point is as many light ones", "[memory]") {
  const std::vector<std::vector<float>> points{{0, 0}, {1, 0}};
  const std::vector<WeightedPoint> weights{{points[0], 3}, {points[1], 1}};
  const Clustering found = cluster(weights, 1, {}, kSeed);
  REQUIRE(found.centres.size() == 1);
  CHECK(found.centres[0] == std::vector{0.25f, 0.0f});
}

TEST_CASE("no more clusters come back than there are different points", "[memory]") {
  const std::vector<std::vector<float>> points{{1, 1}, {1, 1}, {2, 2}, {1, 1}};
  const Clustering found = cluster(weighted(points), 4, {}, kSeed);
  CHECK(found.centres.size() == 2);
  CHECK(found.nearest[0] == found.nearest[3]);
  CHECK(found.nearest[0] != found.nearest[2]);
  CHECK(cluster({}, 3, {}, kSeed).centres.empty());
}

TEST_CASE("a cluster remembers where it began, unless it lost everything and began again", "[memory]") {
  const auto points = blobs({{0, 0}, {10, 0}, {10, 10}}, 20);
  const std::vector<std::vector<float>> start{{1, 1}, {9, 1}, {1000, 1000}};
  const Clustering found = cluster(weighted(points), 3, start, kSeed);
  REQUIRE(found.centres.size() == 3);
  CHECK(found.origins[0] == 0);
  CHECK(squared_distance(found.centres[0], std::vector{0.0f, 0.0f}) < 0.25);
  CHECK(found.origins[1] == 1);
  CHECK_FALSE(found.origins[2].has_value());
}

}  // namespace
}  // namespace dormouse::memory
