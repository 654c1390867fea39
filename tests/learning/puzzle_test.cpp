#include "learning/puzzle.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "config/text.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

std::vector<std::string> lines_of(const std::string& drawing) {
  std::vector<std::string> lines = config::split_list(drawing, '\n');
  lines.pop_back();
  return lines;
}

const std::vector<std::string> kMaze{"#######", "#S#   #", "# # # #", "#   #G#", "#######"};
const std::vector<std::string> kSudoku{"1.....", "..5..2", ".3..1.", ".1..4.", "6..2..", ".....5"};

}  // namespace

TEST_CASE("a maze is read, solved and drawn", "[learning]") {
  const PuzzleKind& maze = puzzle_called("maze");
  const Puzzle puzzle = maze.parse(kMaze);
  CHECK(puzzle.input.shape() == engine::Shape{3, 5, 7});
  CHECK(maze.draw(puzzle.input, puzzle.answer) == "#######\n#S#***#\n#*#*#*#\n#***#G#\n#######\n");
}

TEST_CASE("what is no maze is refused with its line", "[learning]") {
  const auto parse = puzzle_called("maze").parse;
  CHECK_THROWS_WITH(parse({"#####", "#S X#", "#####"}), Catch::Contains("line 2: 'X'"));
  CHECK_THROWS_WITH(parse({"#####", "#S S#", "#####"}), Catch::Contains("line 2: a second S"));
  CHECK_THROWS_WITH(parse({"#####", "#S  #", "#####"}), Catch::Contains("without G"));
  CHECK_THROWS_WITH(parse({"#####", "#  G#", "#####"}), Catch::Contains("without S"));
  CHECK_THROWS_WITH(parse({"#####", "#S G", "#####"}),
                    Catch::Contains("line 2: is 4 characters wide, and the maze 5"));
  CHECK_THROWS_WITH(parse({"#####", "#S G#", "####"}), Catch::Contains("line 3: is 4 characters wide"));
  CHECK(parse({"#####", "#S#G#", "#####"}).answer.empty());
  CHECK(parse({"#####", "#S  #", "#  G#", "#####"}).answer.empty());  // two ways
}

TEST_CASE("a generated maze has one way and is the same for the same seed", "[learning]") {
  const PuzzleKind& maze = puzzle_called("maze");
  for (const std::int64_t size : {5, 11, 25}) {
    Random random(size);
    const Puzzle puzzle = maze.make(size, random);
    CHECK(puzzle.input.shape() == engine::Shape{3, size, size});
    CHECK(std::ranges::count(puzzle.answer, 1) > 1);
    // Drawn and read again it is the same.
    const std::vector<std::uint8_t> none(puzzle.answer.size());
    CHECK(maze.parse(lines_of(maze.draw(puzzle.input, none))).answer == puzzle.answer);
    Random again(size);
    CHECK(maze.make(size, again).answer == puzzle.answer);
  }
  Random random(1);
  CHECK_THROWS_WITH(maze.make(10, random), Catch::Contains("odd number"));
}

TEST_CASE("a sudoku is read, and refused with its line", "[learning]") {
  const PuzzleKind& sudoku = puzzle_called("sudoku");
  CHECK(sudoku.parse(kSudoku).input.shape() == engine::Shape{36, 7});
  std::vector<std::string> wide = kSudoku;
  wide[1] = ". . 5 . . 2";
  CHECK(sudoku.parse(wide).input.values<float>()[8 * 7 + 5] == 1);
  CHECK(sudoku.parse(wide).answer == sudoku.parse(kSudoku).answer);
  std::vector<std::string> wrong = kSudoku;
  wrong[2] = ".3..1";
  CHECK_THROWS_WITH(sudoku.parse(wrong), Catch::Contains("line 3: expected six digits"));
  wrong[2] = ".3..17";
  CHECK_THROWS_WITH(sudoku.parse(wrong), Catch::Contains("line 3: '7'"));
  wrong[2] = "13..1.";
  CHECK_THROWS_WITH(sudoku.parse(wrong), Catch::Contains("line 3: a second 1"));
  wrong.pop_back();
  CHECK_THROWS_WITH(sudoku.parse(wrong), Catch::Contains("six lines"));
}

TEST_CASE("a generated sudoku has one answer, and needs every digit", "[learning]") {
  const PuzzleKind& sudoku = puzzle_called("sudoku");
  Random random(3);
  const Puzzle puzzle = sudoku.make(6, random);
  std::string drawing = sudoku.draw(puzzle.input, puzzle.answer);
  std::vector<std::string> given = lines_of(drawing);
  int clues = 0;
  for (std::size_t i = 0; i < 36; ++i)
    if (puzzle.input.values<float>()[i * 7] > 0)
      given[i / 6][i % 6] = '.';
    else
      ++clues;
  CHECK(clues < 14);
  CHECK(sudoku.parse(given).answer == puzzle.answer);
  for (std::size_t i = 0; i < 36; ++i) {
    std::vector<std::string> fewer = given;
    if (std::exchange(fewer[i / 6][i % 6], '.') != '.') CHECK(sudoku.parse(fewer).answer.empty());
  }
}

TEST_CASE("what is held out is never trained on", "[learning]") {
  const PuzzleSource source(puzzle_called("maze"), "5");
  std::vector<std::vector<float>> heldout, trained;
  for (std::uint64_t i = 0; i < 40; ++i) {
    const auto keep = [](const Puzzle& puzzle) {
      const auto values = puzzle.input.values<float>();
      return std::vector<float>(values.begin(), values.end());
    };
    heldout.push_back(keep(source.at(PuzzleSource::Part::heldout, 1, i)));
    trained.push_back(keep(source.at(PuzzleSource::Part::train, 1, i)));
  }
  for (const auto& maze : heldout) CHECK(std::ranges::find(trained, maze) == trained.end());
}

TEST_CASE("drawings come from a file, and a wrong one is named", "[learning]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("mazes.txt");
  const auto write = [&](const std::string& text) { std::ofstream(file) << text; };
  write("#####\r\n#S G#\r\n#####\r\n\r\n\r\n#####\n#G S#\n#####");
  CHECK(PuzzleSource(puzzle_called("maze"), file).all().size() == 2);
  write("#####\n#S G#\n#####\n\n#####\n#G ?#\n#####\n");
  CHECK_THROWS_WITH(PuzzleSource(puzzle_called("maze"), file),
                    Catch::Contains("drawing 2") && Catch::Contains("'?'"));
  write("\n");
  CHECK_THROWS_WITH(PuzzleSource(puzzle_called("maze"), file), Catch::Contains("no drawing"));
  CHECK_THROWS_WITH(PuzzleSource(puzzle_called("maze"), "nowhere.txt"), Catch::Contains("nowhere.txt"));
}
