#pragma once

#include <functional>
#include <optional>

#include "daemon/verbs/verb.h"
#include "learning/puzzle.h"

/// Planners on the command line, where DATA is a file of drawings or a size, of which puzzles are made.
namespace dormouse::daemon {

/// A planner that the command line names, in a file or in the daemon.
class NamedPlanner {
 public:
  /// Nothing when MODEL is no planner. Throws Failure when the file cannot be read or the daemon not be
  /// reached.
  static std::optional<NamedPlanner> find(const Arguments& arguments);

  /// `dormouse infer MODEL DATA…`: each drawing with its answer, and how long it took.
  int infer() const;
  /// `dormouse eval MODEL DATA`: how many are solved exactly, in how many steps, and why it stopped.
  int evaluate() const;

 private:
  /// What became of a puzzle.
  struct Solved {
    std::vector<std::uint8_t> answer;
    std::string halt;
    std::int64_t steps = 0;
    bool verified = false;
    double ms = 0;
    std::int64_t id = 0;  ///< of a provisional answer, which the daemon goes on with
  };

  NamedPlanner(const Arguments& arguments, const learning::PuzzleKind& kind)
      : arguments_(arguments), kind_(kind) {}
  void print(const learning::Puzzle& puzzle, const Solved& solved) const;

  const Arguments& arguments_;
  const learning::PuzzleKind& kind_;
  std::function<Solved(const learning::Puzzle&)> solve_;
};

}  // namespace dormouse::daemon
