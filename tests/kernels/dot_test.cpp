#include "memory/dot.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

using namespace dormouse::memory;

namespace {

using Codes = std::vector<std::int8_t>;

std::vector<std::int32_t> products(DotKernel kernel, const Codes& query, const std::vector<Codes>& rows) {
  std::vector<const std::int8_t*> pointers;
  for (const Codes& row : rows) pointers.push_back(row.data());
  std::vector<std::int32_t> found(rows.size());
  kernel(query.data(), pointers.data(), query.size(), rows.size(), found.data());
  return found;
}

std::int64_t by_the_book(const Codes& a, const Codes& b) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::int64_t{a[i]} * b[i];
  return sum;
}

}  // namespace

TEST_CASE("every dot kernel of this processor is exact, for any length and number of rows", "[memory]") {
  INFO("seed 11");
  std::mt19937 random(11);
  std::uniform_int_distribution<int> code(-128, 127);
  const auto draw = [&](std::size_t n) {
    Codes codes(n);
    for (auto& x : codes) x = static_cast<std::int8_t>(code(random));
    return codes;
  };
  for (const NamedDotKernel& tried : dot_kernels()) {
    INFO(tried.name);
    for (std::size_t n = kDotStep; n <= 512; n += kDotStep) {
      for (std::size_t count = 0; count <= 9; ++count) {
        const Codes query = draw(n);
        std::vector<Codes> rows;
        for (std::size_t i = 0; i < count; ++i) rows.push_back(draw(n));
        const auto found = products(tried.kernel, query, rows);
        for (std::size_t i = 0; i < count; ++i) REQUIRE(found[i] == by_the_book(query, rows[i]));
      }
    }
  }
}

TEST_CASE("no dot kernel overflows at the widest vectors and the largest codes", "[memory]") {
  constexpr std::size_t widest = 65'536;
  for (const NamedDotKernel& tried : dot_kernels()) {
    INFO(tried.name);
    for (const int a : {-128, -127, -1, 0, 1, 127}) {
      for (const int b : {-128, -127, 0, 127}) {
        const Codes query(widest, static_cast<std::int8_t>(a)), row(widest, static_cast<std::int8_t>(b));
        CHECK(products(tried.kernel, query, {row})[0] == by_the_book(query, row));
      }
    }
  }
}

TEST_CASE("the portable dot kernel is always there, the fastest comes first", "[memory]") {
  CHECK(dot_kernels().back().name == "portable");
  CHECK(best_dot() == dot_kernels().front().kernel);
}
