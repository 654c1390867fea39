#include "hrm/views.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>
#include <set>

#include "hrm/verifier.h"

using namespace dormouse;
using namespace dormouse::hrm;
using engine::DType;
using engine::Shape;
using engine::Tensor;

namespace {

Tensor counting(Shape shape) {
  Tensor x(DType::f32, std::move(shape));
  std::iota(x.mutable_values<float>().begin(), x.mutable_values<float>().end(), 0.0f);
  return x;
}

std::vector<float> numbers(const Tensor& x) { return {x.values<float>().begin(), x.values<float>().end()}; }

std::set<std::vector<float>> all_sides(std::string_view puzzle, const Tensor& x, std::size_t cells) {
  std::set<std::vector<float>> seen{numbers(x)};
  for (std::size_t side = 1; side < sides(puzzle, x, cells); ++side)
    seen.insert(numbers(seen_from(puzzle, x, side).x));
  return seen;
}

}  // namespace

TEST_CASE("a square maze is seen from eight sides, another one from four, an unknown puzzle from one",
          "[views]") {
  CHECK(all_sides("maze", counting({1, 2, 3, 3}), 9).size() == 8);
  CHECK(all_sides("maze", counting({1, 2, 3, 4}), 12).size() == 4);
  CHECK(all_sides("sudoku", counting({1, 36, 7}), 36).size() == 4);
  CHECK(sides("sudoku", counting({1, 81, 10}), 81) == 1);
  CHECK(sides("hanoi", counting({1, 2, 3, 3}), 9) == 1);
  CHECK(sides("maze", counting({9}), 9) == 1);
  CHECK(sides("maze", counting({1, 2, 3, 3}), 4) == 1);  // not its own cells
}

TEST_CASE("a view's cells say where they are in the original", "[views]") {
  const Tensor x = counting({1, 2, 3, 3});
  const View mirrored = seen_from("maze", x, 1);
  CHECK(numbers(mirrored.x) ==
        std::vector<float>{2, 1, 0, 5, 4, 3, 8, 7, 6, 11, 10, 9, 14, 13, 12, 17, 16, 15});
  for (std::size_t side = 1; side < 8; ++side) {
    INFO("side " << side);
    const View view = seen_from("maze", x, side);
    for (std::size_t cell = 0; cell < 9; ++cell) {
      CHECK(view.x.values<float>()[cell] == x.values<float>()[view.cells[cell]]);
      CHECK(view.x.values<float>()[9 + cell] == x.values<float>()[9 + view.cells[cell]]);
    }
  }
}

TEST_CASE("from whichever side, what answers a sudoku answers it there, and not elsewhere", "[views]") {
  const std::vector<std::uint8_t> answer{0, 1, 2, 3, 4, 5, 3, 4, 5, 0, 1, 2, 1, 2, 0, 4, 5, 3,
                                         4, 5, 3, 1, 2, 0, 2, 0, 1, 5, 3, 4, 5, 3, 4, 2, 0, 1};
  Tensor x(DType::f32, {1, 36, 7});
  for (std::size_t i = 0; i < 36; ++i) x.mutable_values<float>()[i * 7 + 1 + answer[i]] = 1;
  const Verify accepts = verifier_for("sudoku");
  REQUIRE(accepts(x, answer));
  for (std::size_t side = 1; side < 4; ++side) {
    INFO("side " << side);
    const View view = seen_from("sudoku", x, side);
    std::vector<std::uint8_t> there(36);
    for (std::size_t cell = 0; cell < 36; ++cell) there[cell] = answer[view.cells[cell]];
    CHECK(accepts(view.x, there));
    CHECK_FALSE(accepts(view.x, answer));
  }
}
