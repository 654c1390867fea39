#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "daemon/verbs/verb.h"
#include "learning/puzzle.h"

/// Planners on the command line, where DATA is a file of drawings or a size, of which puzzles are made.
namespace dormouse::daemon {

/// A planner that the command line names, in a file or in the daemon.
class NamedPlanner {
 public:
  /// Nothing when MODEL is no planner. `time`: that the daemon may think where --time does not say, else its
  /// latency budget. Throws UsageError when MODEL is no planner and an option of planners is given, Failure
  /// when the file cannot be read or the daemon not be reached.
  static std::optional<NamedPlanner> find(const Arguments& arguments,
                                          std::optional<std::chrono::milliseconds> time = {});

  /// `dormouse infer MODEL DATA…`: each drawing with its answer, and how long it took.
  int infer() const;
  /// `dormouse eval MODEL DATA`: how many are solved exactly, in how many steps, and why it stopped; apart
  /// from these, answers that are provisional.
  int evaluate() const;

 private:
  /// What became of a puzzle.
  struct Solved {
    std::vector<std::uint8_t> answer;
    std::string halt;
    std::int64_t steps = 0;
    bool verified = false;
    double ms = 0;
    bool provisional = false;               ///< the daemon goes on with it
    std::optional<std::int64_t> episode{};  ///< of the daemon's answer
  };

  NamedPlanner(const Arguments& arguments, const learning::PuzzleKind& kind)
      : arguments_(arguments), kind_(kind) {}
  static std::optional<NamedPlanner> planner_of(const Arguments& arguments,
                                                std::optional<std::chrono::milliseconds> time);
  void print(const learning::Puzzle& puzzle, const Solved& solved) const;

  const Arguments& arguments_;
  const learning::PuzzleKind& kind_;
  std::function<Solved(const learning::Puzzle&)> solve_;
};

}  // namespace dormouse::daemon
