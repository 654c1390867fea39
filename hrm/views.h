#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/tensor.h"

/// Puzzles from other sides. A rotated maze is a maze, too, and its way is the rotated way; but a network
/// that has learnt from examples goes about it in another way.
namespace dormouse::hrm {

struct View {
  engine::Tensor x;                  ///< of the original's shape
  std::vector<std::uint32_t> cells;  ///< its cell i is this one of the original
};

/// From how many sides a puzzle of this kind, that is answered with so many cells, can be seen, the one it
/// was given from among them: 1 where nothing is known of it, or the cells are not its own.
///
/// maze, x [1, channels, height, width]: 8, those of a square; 4 where it is none.
/// sudoku, x [1, 36, symbols]: 4; its boxes of 2 rows and 3 columns are not such from the others.
std::size_t sides(std::string_view puzzle, const engine::Tensor& x, std::size_t cells);
inline constexpr std::size_t kMostSides = 8;

/// From another side, from 1 to sides() − 1.
View seen_from(std::string_view puzzle, const engine::Tensor& x, std::size_t side);

}  // namespace dormouse::hrm
