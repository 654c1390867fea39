#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor.h"
#include "learning/random.h"

namespace dormouse::learning {

/// What a planner is asked, with what it should answer.
struct Puzzle {
  engine::Tensor input;              ///< f32, a row of the planner's `x`
  std::vector<std::uint8_t> answer;  ///< the class of each cell; empty: there is no answer, or more than one
};

/// A kind of puzzle: an entry of the table in puzzle.cpp.
///
/// maze: x [3, height, width] is 1 where one may walk, at the start, at the goal; class 1 is the way. Drawn
/// as lines of '#' for walls, 'S' and 'G', and blanks or dots; '*' is the way.
/// sudoku: 6×6 in boxes of 2 rows and 3 columns. x [36, 7] is one-hot of 0 (empty) to 6; classes are the
/// digits 1 to 6. Drawn as six lines of digits, with dots for what is empty.
struct PuzzleKind {
  std::string_view name;
  std::int64_t classes;
  std::int64_t size;  ///< the only one; 0: odd ones from 5 to kLargestMaze
  /// A puzzle with exactly one answer. Throws Failure(invalid) for a size that it does not have.
  Puzzle (*make)(std::int64_t size, Random& random);
  /// Throws Failure(invalid) saying which line and what is wrong with it.
  Puzzle (*parse)(const std::vector<std::string>& lines);
  /// The drawing with `answer` in it, a line a row.
  std::string (*draw)(const engine::Tensor& input, std::span<const std::uint8_t> answer);
};

inline constexpr std::int64_t kLargestMaze = 255;

std::span<const PuzzleKind> puzzle_kinds();
/// Throws Failure(invalid) naming those there are.
const PuzzleKind& puzzle_called(std::string_view name);

/// Where puzzles of a kind come from: SIZE of generated ones (as "17"), or a file of drawings with empty
/// lines between them. Generated ones are a function of the seed and their number alone; one in eight of all
/// there are is never drawn to train on.
class PuzzleSource {
 public:
  enum class Part { train, heldout };
  /// Throws Failure(invalid) naming file and line; Failure(io / not_found).
  PuzzleSource(const PuzzleKind& kind, const std::string& data);

  bool generated() const { return size_ > 0; }
  /// Of a file.
  std::size_t size(Part part) const { return drawn_[static_cast<std::size_t>(part)].size(); }
  const std::vector<Puzzle>& all() const { return all_; }
  Puzzle at(Part part, std::uint64_t seed, std::uint64_t number) const;

 private:
  const PuzzleKind& kind_;
  std::int64_t size_ = 0;
  std::vector<Puzzle> all_;
  std::vector<std::size_t> drawn_[2];
};

}  // namespace dormouse::learning
