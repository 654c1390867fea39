#include "memory/number_memory.h"

#include <catch2/catch.hpp>
#include <limits>

#include "config/error.h"

namespace dormouse::memory {
namespace {

NumberMemory remembering(std::initializer_list<float> numbers, std::size_t capacity = 100) {
  NumberMemory memory(capacity);
  for (const float number : numbers) memory.remember(number);
  return memory;
}

}  // namespace

TEST_CASE("novelty is the distance to the nearest number over the range", "[novelty]") {
  const NumberMemory memory = remembering({4, 0, 10, 4});
  CHECK(memory.novelty(4) == 0);
  CHECK(memory.novelty(3) == Approx(0.1));
  CHECK(memory.novelty(8) == Approx(0.2));
  CHECK(memory.novelty(15) == Approx(0.5));
  CHECK(memory.novelty(-30) == Approx(3));
}

TEST_CASE("novelty without a range is all or nothing, unless the least range is given", "[novelty]") {
  CHECK(NumberMemory(3).novelty(5) == 0);
  CHECK(remembering({2, 2}).novelty(2) == 0);
  CHECK(remembering({2, 2}).novelty(2.5f) == 1);
  CHECK(remembering({2, 2}).novelty(2.5f, 2) == Approx(0.25));
  CHECK(remembering({2, 6}).novelty(7, 2) == Approx(0.25));
}

TEST_CASE("a memory of numbers knows its range and magnitude", "[novelty]") {
  CHECK(NumberMemory(3).range() == 0);
  CHECK(NumberMemory(3).magnitude() == 0);
  CHECK(remembering({-5, 2}).range() == 7);
  CHECK(remembering({-5, 2}).magnitude() == 5);
}

TEST_CASE("a memory of numbers knows its largest ones in order", "[novelty]") {
  CHECK(NumberMemory(3).largest(1) == 0);
  const NumberMemory memory = remembering({4, 0, 10, 4});
  CHECK(memory.largest(1) == 10);
  CHECK(memory.largest(3) == 4);
  CHECK(memory.largest(9) == 0);
}

TEST_CASE("novelty stays finite between the largest floats", "[novelty]") {
  const float most = std::numeric_limits<float>::max();
  CHECK(remembering({-most, most}).novelty(0) == Approx(0.5));
  CHECK(remembering({std::numeric_limits<float>::denorm_min(), 0}).novelty(most) == kMostNovel);
}

TEST_CASE("a full memory of numbers lets the oldest go", "[novelty]") {
  NumberMemory memory = remembering({7, 1, 2, 7, 3}, 3);
  CHECK(std::vector<float>(memory.by_age().begin(), memory.by_age().end()) == std::vector<float>{2, 7, 3});
  CHECK(memory.novelty(7) == 0);
  memory.remember(3), memory.remember(3);  // 2 and 7 are gone
  CHECK(memory.size() == 3);
  CHECK(memory.range() == 0);
}

TEST_CASE("the share of numbers at least as large counts the one asked about", "[novelty]") {
  const NumberMemory memory = remembering({1, 2, 2, 3});
  CHECK(memory.share_at_least(4) == Approx(1 / 5.0));
  CHECK(memory.share_at_least(2) == Approx(4 / 5.0));
  CHECK(memory.share_at_least(0) == 1);
  CHECK(NumberMemory(1).share_at_least(0) == 1);
  CHECK_THROWS_AS(NumberMemory(0), Failure);
}

}  // namespace dormouse::memory
