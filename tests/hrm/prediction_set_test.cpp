#include "hrm/prediction_set.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

using namespace dormouse::hrm;

TEST_CASE("a set holds the most probable labels, as many as the threshold lets in", "[set]") {
  const std::vector<float> p{0.1f, 0.6f, 0.25f, 0.05f};
  CHECK(set_score(p, 1) == Approx(0.6f));
  CHECK(set_score(p, 2) == Approx(0.85f));
  CHECK(set_score(p, 0) == Approx(0.97f));  // third: 0.02 more
  CHECK(set_score(p, 3) == Approx(1.04f));
  using Set = std::vector<std::uint32_t>;
  CHECK(prediction_set(p, 0) == Set{1});
  CHECK(prediction_set(p, 0.7f) == Set{1});
  CHECK(prediction_set(p, 0.9f) == Set{1, 2});
  CHECK(prediction_set(p, 2) == Set{1, 2, 0, 3});
}

TEST_CASE("too few examples give no threshold", "[set]") {
  const std::vector<float> scores{0.5f, 0.6f, 0.7f, 0.8f};
  CHECK_FALSE(set_threshold({}, 0.1));
  CHECK_FALSE(set_threshold(scores, 0.1));
  CHECK(set_threshold(scores, 0.2) == 0.8f);
  CHECK(set_threshold(scores, 0.5) == 0.7f);
}

TEST_CASE("sets miss no more often than promised, on average over calibrations", "[set]") {
  INFO("seed 4");
  std::mt19937_64 random(4);
  const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  // Five labels; the probabilities are made up and too sure of themselves, which must not matter.
  const auto draw = [&] {
    std::vector<float> p(5);
    float sum = 0;
    for (float& x : p) sum += x = static_cast<float>(std::pow(uniform(), 6));
    for (float& x : p) x /= sum;
    const std::size_t likely = static_cast<std::size_t>(std::ranges::max_element(p) - p.begin());
    return std::pair(p, uniform() < 0.6 ? likely : random() % 5);
  };
  constexpr double miss = 0.1;
  std::size_t missed = 0, asked = 0;
  for (int calibration = 0; calibration < 300; ++calibration) {
    std::vector<float> scores;
    for (int i = 0; i < 60; ++i) {
      const auto [p, truth] = draw();
      scores.push_back(set_score(p, truth));
    }
    std::ranges::sort(scores);
    const auto threshold = set_threshold(scores, miss);
    REQUIRE(threshold);
    for (int i = 0; i < 40; ++i, ++asked) {
      const auto [p, truth] = draw();
      const auto set = prediction_set(p, *threshold);
      missed += std::ranges::find(set, truth) == set.end();
    }
  }
  const double rate = static_cast<double>(missed) / static_cast<double>(asked);
  CHECK(rate < miss + 0.006);  // two standard errors, of 300 calibrations
  CHECK(rate > miss / 2);      // nor far less, which would be a waste
}
