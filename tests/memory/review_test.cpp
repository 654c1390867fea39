#include "memory/review.h"

#include <catch2/catch.hpp>

namespace dormouse::memory {
namespace {

TEST_CASE("the most doubtful and the most novel are asked first, near-duplicates once", "[memory]") {
  const std::vector<ReviewCandidate> candidates{
      {{0, 0}, 0.2f, 0.1f}, {{9, 0}, 0.9f, 0.5f},    {{9.1f, 0}, 0.8f, 0.5f},
      {{0, 9}, 0.6f, 0.6f}, {{9, 0.1f}, 0.1f, 0.2f}, {{5, 5}, 0.3f, 0.3f},
  };
  const auto chosen = choose_for_review(candidates, 3, 1.0f);
  REQUIRE(chosen.size() == 3);
  CHECK(chosen[0].candidate == 1);
  CHECK(chosen[0].alike == std::vector<std::size_t>{2, 4});
  CHECK(chosen[1].candidate == 3);
  CHECK(chosen[1].alike.empty());
  CHECK(chosen[2].candidate == 5);
}

TEST_CASE("nothing to ask about makes no questions", "[memory]") {
  CHECK(choose_for_review({}, 5, 1).empty());
  const std::vector<ReviewCandidate> one{{{1}, 1, 1}};
  CHECK(choose_for_review(one, 0, 1).empty());
}

}  // namespace
}  // namespace dormouse::memory
