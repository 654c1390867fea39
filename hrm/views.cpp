#include "hrm/views.h"

#include <utility>

#include "config/error.h"

namespace dormouse::hrm {
namespace {

using engine::Tensor;

/// How the numbers of x lie: [features, cells] or [cells, features], the cells being rows · columns.
struct Layout {
  std::size_t rows = 0, columns = 0, features = 0;
  bool by_cell = false;

  std::size_t at(std::size_t cell, std::size_t feature) const {
    return by_cell ? cell * features + feature : feature * rows * columns + cell;
  }
};

/// Without rows where it is not known.
Layout layout_of(std::string_view puzzle, const engine::Shape& x) {
  const auto extent = [&](std::size_t axis) { return static_cast<std::size_t>(x[axis]); };
  if (puzzle == "maze" && x.rank() == 4) return {extent(2), extent(3), extent(1), false};
  constexpr std::size_t kSide = 6;
  if (puzzle == "sudoku" && x.rank() == 3 && extent(1) == kSide * kSide)
    return {kSide, kSide, extent(2), true};
  return {};
}

}  // namespace

std::size_t sides(std::string_view puzzle, const Tensor& x, std::size_t cells) {
  const Layout layout = layout_of(puzzle, x.shape());
  if (cells == 0 || cells != layout.rows * layout.columns) return 1;
  return puzzle == "maze" && layout.rows == layout.columns ? kMostSides : 4;
}

View seen_from(std::string_view puzzle, const Tensor& x, std::size_t side) {
  const Layout layout = layout_of(puzzle, x.shape());
  ensure(side > 0 && side < sides(puzzle, x, layout.rows * layout.columns), "another side that it has");
  View view{Tensor(x.dtype(), x.shape()), std::vector<std::uint32_t>(layout.rows * layout.columns)};
  const auto from = x.values<float>();
  const auto to = view.x.mutable_values<float>();
  for (std::size_t cell = 0; cell < view.cells.size(); ++cell) {
    std::size_t row = cell / layout.columns, column = cell % layout.columns;
    if (side & 1) column = layout.columns - 1 - column;
    if (side & 2) row = layout.rows - 1 - row;
    if (side & 4) std::swap(row, column);
    const std::size_t original = row * layout.columns + column;
    view.cells[cell] = static_cast<std::uint32_t>(original);
    for (std::size_t feature = 0; feature < layout.features; ++feature)
      to[layout.at(cell, feature)] = from[layout.at(original, feature)];
  }
  return view;
}

}  // namespace dormouse::hrm
