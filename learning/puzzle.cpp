#include "learning/puzzle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <fstream>

#include "config/text.h"

namespace dormouse::learning {
namespace {

using engine::DType;
using engine::Shape;
using engine::Tensor;
using Answer = std::vector<std::uint8_t>;

[[noreturn]] void refuse(std::size_t line, const std::string& what) {
  throw Failure(Errc::invalid, "line " + std::to_string(line + 1) + ": " + what);
}

/// A maze as a grid, walls all around or not.
struct Maze {
  std::int64_t height, width;
  std::vector<std::uint8_t> open;
  std::int64_t start = -1, goal = -1;

  Maze(std::int64_t rows, std::int64_t columns)
      : height(rows), width(columns), open(static_cast<std::size_t>(rows * columns)) {}

  /// The cells one may step to.
  std::vector<std::int64_t> beside(std::int64_t cell) const {
    const std::int64_t column = cell % width;
    std::vector<std::int64_t> cells;
    const auto add = [&](bool inside, std::int64_t other) {
      if (inside && open[static_cast<std::size_t>(other)]) cells.push_back(other);
    };
    add(cell >= width, cell - width);
    add(column > 0, cell - 1);
    add(column + 1 < width, cell + 1);
    add(cell + width < width * height, cell + width);
    return cells;
  }

  /// The cells of the way; nothing when there is none, or where walkable cells form a circle.
  Answer solve() const {
    std::vector<std::int64_t> from(open.size(), -1), queue{start};
    from[static_cast<std::size_t>(start)] = start;
    bool circle = false;
    for (std::size_t i = 0; i < queue.size(); ++i)
      for (const std::int64_t next : beside(queue[i])) {
        std::int64_t& back = from[static_cast<std::size_t>(next)];
        circle = circle || (back >= 0 && next != from[static_cast<std::size_t>(queue[i])]);
        if (back >= 0) continue;
        back = queue[i];
        queue.push_back(next);
      }
    if (circle || from[static_cast<std::size_t>(goal)] < 0) return {};
    Answer answer(open.size());
    for (std::int64_t cell = goal;; cell = from[static_cast<std::size_t>(cell)]) {
      answer[static_cast<std::size_t>(cell)] = 1;
      if (cell == start) return answer;
    }
  }

  Puzzle puzzle() const {
    Puzzle result{Tensor(DType::f32, Shape{3, height, width}), solve()};
    const auto to = result.input.mutable_values<float>();
    std::ranges::copy(open, to.begin());
    to[open.size() + static_cast<std::size_t>(start)] = 1;
    to[2 * open.size() + static_cast<std::size_t>(goal)] = 1;
    return result;
  }
};

/// A depth-first walk through rooms with a wall between any two: long corridors, and one way.
Puzzle make_maze(std::int64_t size, Random& random) {
  if (size < 5 || size > kLargestMaze || size % 2 == 0)
    throw Failure(Errc::invalid, "a maze's size is an odd number from 5 to 255, not " + std::to_string(size));
  Maze maze(size, size);
  const std::int64_t side = (size - 1) / 2;
  const auto cell = [&](std::int64_t room) { return (2 * (room / side) + 1) * size + 2 * (room % side) + 1; };
  const auto rooms = static_cast<std::size_t>(side * side);
  const std::array<std::int64_t, 4> steps{-size, -1, 1, size};
  std::vector<std::int64_t> walk{cell(static_cast<std::int64_t>(random.below(rooms)))};
  const auto open = [&](std::int64_t at) -> std::uint8_t& { return maze.open[static_cast<std::size_t>(at)]; };
  open(walk.back()) = 1;
  while (!walk.empty()) {
    const std::int64_t at = walk.back(), column = at % size;
    std::vector<std::int64_t> ways;
    for (const std::int64_t step : steps) {
      const std::int64_t to = at + 2 * step;
      const bool inside = step == -1  ? column > 1
                          : step == 1 ? column < size - 2
                                      : to > 0 && to < size * size;
      if (inside && !open(to)) ways.push_back(step);
    }
    if (ways.empty()) {
      walk.pop_back();
      continue;
    }
    const std::int64_t step = ways[random.below(ways.size())];
    open(at + step) = open(at + 2 * step) = 1;
    walk.push_back(at + 2 * step);
  }
  const std::size_t first = random.below(rooms), second = random.below(rooms - 1);
  maze.start = cell(static_cast<std::int64_t>(first));
  maze.goal = cell(static_cast<std::int64_t>(second + (second >= first)));
  return maze.puzzle();
}

Puzzle parse_maze(const std::vector<std::string>& lines) {
  std::size_t width = 0;
  for (const std::string& line : lines) width = std::max(width, line.size());
  if (lines.size() > kLargestMaze || width > kLargestMaze)
    refuse(0, "a maze has at most 255 lines of 255 characters");
  Maze maze(std::ssize(lines), static_cast<std::int64_t>(width));
  for (std::size_t row = 0; row < lines.size(); ++row) {
    if (lines[row].size() != width)
      refuse(row, "is " + std::to_string(lines[row].size()) + " characters wide, and the maze " +
                      std::to_string(width) + ": every line goes from wall to wall");
    for (std::size_t column = 0; column < lines[row].size(); ++column) {
      const char what = lines[row][column];
      const std::size_t at = row * width + column;
      maze.open[at] = what != '#';
      if (what != 'S' && what != 'G') {
        if (what != '#' && what != ' ' && what != '.' && what != '*')
          refuse(row, "'" + std::string(1, what) +
                          "' is not of a maze: it has walls '#', blanks or dots, one S and one G");
        continue;
      }
      std::int64_t& end = what == 'S' ? maze.start : maze.goal;
      if (end >= 0) refuse(row, "a second " + std::string(1, what));
      end = static_cast<std::int64_t>(at);
    }
  }
  if (maze.start < 0 || maze.goal < 0)
    refuse(lines.size() - 1,
           std::string("the maze ends without ") + (maze.start < 0 ? "S, its start" : "G, its goal"));
  return maze.puzzle();
}

std::string draw_maze(const Tensor& input, std::span<const std::uint8_t> answer) {
  const auto x = input.values<float>();
  const auto width = static_cast<std::size_t>(input.shape().back()), cells = x.size() / 3;
  std::string text;
  for (std::size_t i = 0; i < cells; ++i) {
    text += x[cells + i] > 0       ? 'S'
            : x[2 * cells + i] > 0 ? 'G'
            : x[i] == 0            ? '#'
            : answer[i] == 1       ? '*'
                                   : ' ';
    if (i % width == width - 1) text += '\n';
  }
  return text;
}

constexpr std::size_t kSide = 6, kCells = kSide * kSide;
using Grid = std::array<std::uint8_t, kCells>;  // 0: empty

/// Sets of digits, a bit each, that row, column and box have.
struct Marks {
  std::array<std::uint32_t, kSide> row{}, column{}, box{};

  static std::size_t box_of(std::size_t cell) { return cell / 12 * 2 + cell % kSide / 3; }
  std::uint32_t at(std::size_t cell) const {
    return row[cell / kSide] | column[cell % kSide] | box[box_of(cell)];
  }
  void flip(std::size_t cell, std::uint32_t digit) {
    row[cell / kSide] ^= 1u << digit;
    column[cell % kSide] ^= 1u << digit;
    box[box_of(cell)] ^= 1u << digit;
  }
};

/// Fills what is empty in every way there is, up to `most`, the digits in a random order; the number of ways,
/// the last in `found`.
class Filling {
 public:
  Filling(Grid grid, int most, Random* random, Grid& found)
      : grid_(grid), most_(most), random_(random), found_(found) {
    for (std::size_t i = 0; i < kCells; ++i)
      if (grid[i]) marks_.flip(i, grid[i]);
  }

  int count() {
    std::size_t best = kCells;
    int fewest = 7;
    for (std::size_t i = 0; i < kCells && fewest > 0; ++i) {
      const int left = grid_[i] ? 7 : 6 - std::popcount(marks_.at(i));
      if (left < fewest) best = i, fewest = left;
    }
    if (best == kCells) {
      found_ = grid_;
      return 1;
    }
    std::vector<std::uint8_t> digits;
    for (std::uint8_t digit = 1; digit <= kSide; ++digit)
      if (!(marks_.at(best) >> digit & 1)) digits.push_back(digit);
    if (random_) random_->shuffle(digits);
    int ways = 0;
    for (const std::uint8_t digit : digits) {
      grid_[best] = digit;
      marks_.flip(best, digit);
      ways += count();
      marks_.flip(best, digit);
      grid_[best] = 0;
      if (ways >= most_) break;
    }
    return ways;
  }

 private:
  Grid grid_;
  Marks marks_;
  int most_;
  Random* random_;
  Grid& found_;
};

Puzzle sudoku_of(const Grid& grid, const Grid& solution) {
  Puzzle puzzle{Tensor(DType::f32, Shape{kCells, kSide + 1}), {}};
  for (std::size_t i = 0; i < kCells; ++i) {
    puzzle.input.mutable_values<float>()[i * (kSide + 1) + grid[i]] = 1;
    if (solution[i]) puzzle.answer.push_back(static_cast<std::uint8_t>(solution[i] - 1));
  }
  return puzzle;
}

/// A random grid without every digit that is not needed to know all.
Puzzle make_sudoku(std::int64_t size, Random& random) {
  if (size != 6) throw Failure(Errc::invalid, "a sudoku's size is 6, not " + std::to_string(size));
  Grid solution{}, other{};
  Filling({}, 1, &random, solution).count();
  Grid grid = solution;
  std::vector<std::size_t> order(kCells);
  for (std::size_t i = 0; i < kCells; ++i) order[i] = i;
  random.shuffle(order);
  for (const std::size_t cell : order) {
    const std::uint8_t digit = std::exchange(grid[cell], 0);
    if (Filling(grid, 2, nullptr, other).count() > 1) grid[cell] = digit;
  }
  return sudoku_of(grid, solution);
}

/// A line whose every other character is a blank, as people write them for the eye, without these.
std::string without_blanks(const std::string& line) {
  if (line.size() != 2 * kSide - 1) return line;
  std::string close;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (i % 2 == 0)
      close += line[i];
    else if (line[i] != ' ')
      return line;
  }
  return close;
}

Puzzle parse_sudoku(const std::vector<std::string>& lines) {
  if (lines.size() != kSide) refuse(lines.size() - 1, "a sudoku of 6×6 has six lines");
  Grid grid{}, solution{};
  Marks marks;
  for (std::size_t row = 0; row < kSide; ++row) {
    const std::string line = without_blanks(lines[row]);
    if (line.size() != kSide)
      refuse(row, "expected six digits, a dot for each that is not known, not " +
                      std::to_string(line.size()) + " characters");
    for (std::size_t column = 0; column < kSide; ++column) {
      const char what = line[column];
      const std::size_t cell = row * kSide + column;
      if (what == '.' || what == '0' || what == '_' || what == ' ') continue;
      if (what < '1' || what > '6') refuse(row, "'" + std::string(1, what) + "' is no digit from 1 to 6");
      grid[cell] = static_cast<std::uint8_t>(what - '0');
      if (marks.at(cell) >> grid[cell] & 1)
        refuse(row, "a second " + std::string(1, what) + " in its row, column or box of 2 by 3");
      marks.flip(cell, grid[cell]);
    }
  }
  Grid found{};
  if (Filling(grid, 2, nullptr, found).count() == 1) solution = found;
  return sudoku_of(grid, solution);
}

std::string draw_sudoku(const Tensor&, std::span<const std::uint8_t> answer) {
  std::string text;
  for (std::size_t i = 0; i < kCells; ++i) {
    text += static_cast<char>('1' + answer[i]);
    if (i % kSide == kSide - 1) text += '\n';
  }
  return text;
}

constexpr PuzzleKind kKinds[] = {{"maze", 2, 0, make_maze, parse_maze, draw_maze},
                                 {"sudoku", 6, 6, make_sudoku, parse_sudoku, draw_sudoku}};

/// Whether nobody trains on it: one in eight, by a hash of all its input (FNV-1a).
bool is_heldout(const Puzzle& puzzle) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const float value : puzzle.input.values<float>()) hash = (hash ^ (value > 0)) * 0x100000001b3;
  return (hash >> 32) % 8 == 0;
}

}  // namespace

std::span<const PuzzleKind> puzzle_kinds() { return kKinds; }

const PuzzleKind& puzzle_called(std::string_view name) {
  const auto found = std::ranges::find(puzzle_kinds(), name, &PuzzleKind::name);
  if (found != puzzle_kinds().end()) return *found;
  throw Failure(Errc::invalid, "there is no puzzle '" + std::string(name) + "'; there are maze and sudoku");
}

PuzzleSource::PuzzleSource(const PuzzleKind& kind, const std::string& data) : kind_(kind) {
  if (const auto size = config::parse_number<std::int64_t>(data)) {
    Random random(0);
    kind.make(size_ = *size, random);
    return;
  }
  std::ifstream file(data);
  if (!file)
    throw Failure(Errc::not_found, data + ": is no file of drawings, and no size such as " +
                                       std::to_string(kind.size ? kind.size : 11));
  std::vector<std::string> lines;
  std::size_t number = 0;
  const auto finish = [&] {
    if (lines.empty()) return;
    try {
      drawn_[is_heldout(all_.emplace_back(kind.parse(lines)))].push_back(all_.size() - 1);
    } catch (const Failure& failure) {
      throw Failure(Errc::invalid, data + ", drawing " + std::to_string(all_.size() + 1) +
                                       " (that ends in line " + std::to_string(number) + "), " +
                                       failure.error().context);
    }
    lines.clear();
  };
  for (std::string line; std::getline(file, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty())
      finish();
    else
      lines.push_back(std::move(line));
  }
  finish();
  if (all_.empty()) throw Failure(Errc::invalid, data + ": holds no drawing");
}

Puzzle PuzzleSource::at(Part part, std::uint64_t seed, std::uint64_t number) const {
  if (!generated()) {
    const std::vector<std::size_t>& of = drawn_[static_cast<std::size_t>(part)];
    if (of.empty()) throw Failure(Errc::invalid, "too few drawings: one in eight is kept from training");
    Random random(seed ^ number * 0x9e3779b97f4a7c15);
    return all_[of[part == Part::train ? random.below(of.size()) : number % of.size()]];
  }
  Random random(Random(seed * 2 + static_cast<std::uint64_t>(part)).bits() ^ number * 0x9e3779b97f4a7c15);
  for (;;) {
    Puzzle puzzle = kind_.make(size_, random);
    if (is_heldout(puzzle) == (part == Part::heldout)) return puzzle;
  }
}

}  // namespace dormouse::learning
