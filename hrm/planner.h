#pragma once

#include <bitset>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/session.h"
#include "hrm/verifier.h"
#include "hrm/views.h"

namespace dormouse::hrm {

/// Why a planner stopped.
enum class Halt : std::uint8_t {
  verified,   ///< the verifier accepts the answer
  sure,       ///< the halting head says that it is right
  stable,     ///< the answer has not changed for PlanBudget::stable steps, from whichever side
  budget,     ///< it has taken as many steps as it may
  time,       ///< its time is over
  preempted,  ///< the caller wants to go on later
};
std::string_view word(Halt why);

/// How long it may think from now on.
struct PlanBudget {
  std::int64_t steps = 0;  ///< of the thought in all; 0: as many as there are cells
  std::chrono::nanoseconds time = std::chrono::nanoseconds::max();  ///< the first step is taken in any case
  std::int64_t stable = 32;              ///< steps without a change from one side; 0: not asked
  std::function<bool()> may_go_on = {};  ///< asked between steps; empty: always
  bool verify = true;                    ///< false: as if there were no verifier
};

/// A question being thought about: all that is needed to go on with it, on any thread, at any later time. Its
/// answer is the best so far at any moment between steps.
struct Thought {
  engine::Tensor x;                  ///< f32 [1, …]
  std::vector<std::uint8_t> answer;  ///< the class of each cell; empty before the first step
  engine::Tensor logits = {};        ///< [1, classes, …cells], of which it is the likeliest
  float right = 0;                   ///< what the halting head thinks of it, a probability
  std::int64_t steps = 0;
  bool verified = false;

  /// From where it is looked at now.
  struct Look {
    View view = {};  ///< without cells where that is x itself
    engine::Tensor z;
    std::vector<std::uint8_t> answer = {};  ///< of the last step, in the order of the view's cells
    std::int64_t steps = 0;                 ///< from there
    std::int64_t unchanged = 0;             ///< steps since its answer changed
  };
  Look look;
  std::size_t turns = 0;               ///< looks before this one
  std::bitset<kMostSides> stuck = {};  ///< sides from which its answer had come to change no more
};

/// The likeliest class of each cell, of logits f32 [1, classes, …].
std::vector<std::uint8_t> likeliest(const engine::Tensor& logits);

/// Loops a step (x, z) → (z', logits [1, classes, …cells], q [1, 1]), as `dormouse train` makes it, until
/// something says stop. The halting head is believed where it is calibrated and nothing verifies: an answer
/// that a verifier refuses is wrong, however sure the head may be. Where an answer is refused for a fifth as
/// many steps as there are cells, or until it changes no more, the puzzle is begun anew from another of its
/// sides(), and once all had their turn, those where it still changed get twice as many steps: a network that
/// learnt from examples is not the same from all of them. Of answers that nothing verifies the first side's
/// last one stands, until the halting head thinks more of another. Immutable: any number of threads may think
/// with it.
class Planner {
 public:
  /// The verifier is that of the step's metadata (engine/planner_keys.h) unless another is given. Throws
  /// Failure(invalid) when the graph is no such step. `drivers` are borrowed for the planner's life.
  Planner(engine::Graph step, std::span<const engine::Driver* const> drivers, Verify verify = {});

  /// Whether a graph says that it is such a step.
  static bool is_step(const engine::Graph& graph);
  /// The kind of puzzle that it is of; empty for a graph that is no step.
  static std::string puzzle_of(const engine::Graph& graph);
  const std::string& puzzle() const { return puzzle_; }
  const std::shared_ptr<const engine::Session>& session() const { return session_; }
  /// Empty where nothing can tell.
  const Verify& verifier() const { return verify_; }
  /// The probability from which on the halting head is believed, if it is.
  std::optional<float> halt() const { return halt_; }

  /// A new thought on x, with or without the batch of 1. Throws Failure(invalid) when x does not fit.
  Thought begin(const engine::Tensor& x) const;
  /// Goes on until something says stop. Throws Failure(expired) soon after `stop` is requested: the thought
  /// is then as it was after the last whole step, and can be gone on with.
  Halt think(Thought& thought, const PlanBudget& budget, const std::stop_token& stop = {}) const;

 private:
  engine::Tensor first_state(const engine::Shape& x) const;
  void step(Thought& thought, bool verify, const std::stop_token& stop) const;
  bool turn(Thought& thought, bool stuck) const;

  std::string puzzle_;
  std::optional<float> halt_;
  Verify verify_;
  std::shared_ptr<const engine::Session> session_;
};

}  // namespace dormouse::hrm
