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

TEST_CASE("rows are scored alike by every processor, in groups and what is left of them", "[memory]") {
  std::mt19937 random(9);
  INFO("seed 9");
  for (const std::size_t n : {32, 64, 96, 128, 160, 384}) {
    for (const std::size_t count : {1, 3, 4, 7, 8, 12, 33, 64}) {
      std::vector<std::int8_t> query(n), rows(n * count);
      for (auto* codes : {&query, &rows})
        for (std::int8_t& code : *codes) code = static_cast<std::int8_t>(random() % 256);
      std::vector<Measure> measures;
      for (std::size_t i = 0; i < count; ++i)
        measures.push_back({static_cast<float>(random() % 1000), 0.01f * static_cast<float>(random() % 100)});
      const std::size_t blocks = (count + kScoreBlock - 1) / kScoreBlock;
      std::vector<float> fast(count), plain(count), least(blocks), plainly_least(blocks);
      best_score()(query.data(), -0.3f, rows.data(), n, count, measures.data(), fast.data(), least.data());
      score_rows(query.data(), -0.3f, rows.data(), n, count, measures.data(), plain.data(),
                 plainly_least.data());
      CHECK(fast == plain);
      CHECK(least == plainly_least);
      for (std::size_t i = 0; i < blocks; ++i)
        CHECK(least[i] == std::ranges::min(std::span(plain).subspan(
                              i * kScoreBlock, std::min(kScoreBlock, count - i * kScoreBlock))));
      std::int32_t product = 0;
      for (std::size_t j = 0; j < n; ++j) product += query[j] * rows[(count - 1) * n + j];
      CHECK(fast.back() == score(-0.3f, product, measures.back()));
    }
  }
}

TEST_CASE("every processor selects the same scores, none twice and none left out", "[memory]") {
  std::mt19937 random(10);
  INFO("seed 10");
  constexpr float kNone = std::numeric_limits<float>::infinity();
  for (const std::size_t blocks : {0, 1, 2, 9}) {
    std::vector<float> scores(blocks * kScoreBlock), least(blocks, kNone);
    for (std::size_t i = 0; i < scores.size(); ++i) {
      scores[i] = random() % 10 == 0 ? kNone : static_cast<float>(random() % 20);
      least[i / kScoreBlock] = std::min(least[i / kScoreBlock], scores[i]);
    }
    for (const Between between : {Between{-kNone, 0}, {-kNone, 7}, {7, 12}, {19, 100}, {-kNone, 1000}}) {
      std::vector<std::uint32_t> wanted, fast(scores.size()), plain(scores.size());
      for (std::size_t i = 0; i < scores.size(); ++i)
        if (scores[i] > between.above && scores[i] <= between.upto)
          wanted.push_back(static_cast<std::uint32_t>(i));
      fast.resize(best_select()(scores.data(), least.data(), blocks, between, fast.data()));
      plain.resize(select_rows(scores.data(), least.data(), blocks, between, plain.data()));
      CHECK(fast == wanted);
      CHECK(plain == wanted);
    }
  }
}

TEST_CASE("distances are the same to the bit by every processor", "[memory]") {
  std::mt19937 random(12);
  INFO("seed 12");
  std::normal_distribution<float> normal;
  for (const std::size_t n : {0, 1, 7, 8, 9, 31, 64, 100, 128}) {
    std::vector<float> a(n), b(n);
    std::vector<std::int8_t> codes(n);
    double squares = 0;
    for (std::size_t i = 0; i < n; ++i) {
      a[i] = normal(random), b[i] = normal(random), codes[i] = static_cast<std::int8_t>(random() % 256);
      squares += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
    }
    const SquaresKernels &fast = best_squares(), &plain = portable_squares();
    CHECK(fast.of_codes(a.data(), codes.data(), 0.01f, n) ==
          plain.of_codes(a.data(), codes.data(), 0.01f, n));
    CHECK(fast.of_floats(a.data(), b.data(), n) == plain.of_floats(a.data(), b.data(), n));
    CHECK(plain.of_floats(a.data(), b.data(), n) == Approx(squares));
  }
}
