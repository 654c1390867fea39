#include "hrm/planner.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "config/text.h"
#include "engine/planner_keys.h"

namespace dormouse::hrm {
namespace {

using engine::Shape;
using engine::Tensor;
using engine::ValueId;

constexpr std::int64_t kPatience = 5, kLeastPatience = 4;  // steps from one side: of so many cells one
constexpr std::size_t kRounds = 32;                        // after which the steps are not doubled again

/// A view's numbers, feature by feature, in the order of the original's cells.
template <class T>
void turn_back(std::span<const T> seen, std::span<const std::uint32_t> cells, std::span<T> original) {
  for (std::size_t i = 0; i < seen.size(); ++i)
    original[i - i % cells.size() + cells[i % cells.size()]] = seen[i];
}

std::vector<std::uint8_t> turned_back(std::span<const std::uint8_t> answer,
                                      std::span<const std::uint32_t> cells) {
  std::vector<std::uint8_t> there(answer.begin(), answer.end());
  if (!cells.empty()) turn_back<std::uint8_t>(answer, cells, there);
  return there;
}

Tensor turned_back(const Tensor& logits, std::span<const std::uint32_t> cells) {
  if (cells.empty()) return logits;
  Tensor there(engine::DType::f32, logits.shape());
  turn_back<float>(logits.values<float>(), cells, there.mutable_values<float>());
  return there;
}

std::string named(const engine::Graph& graph, std::string_view key) {
  for (const auto& [name, value] : graph.metadata)
    if (name == key) return value;
  return {};
}

engine::Graph checked(engine::Graph graph) {
  const auto known = [&](const std::vector<ValueId>& ids) {
    return std::ranges::all_of(ids, [&](ValueId id) {
      return graph.value(id).shape_known && graph.value(id).dtype == engine::DType::f32;
    });
  };
  const auto shape = [&](ValueId id) { return graph.value(id).shape; };
  if (graph.inputs().size() != 2 || graph.outputs().size() != 3 || !known(graph.inputs()) ||
      !known(graph.outputs()) || shape(graph.inputs()[1]).rank() != shape(graph.outputs()[0]).rank() ||
      shape(graph.inputs()[1]).rank() > shape(graph.inputs()[0]).rank() ||
      shape(graph.outputs()[1]).rank() < 2)
    throw Failure(Errc::invalid, "a planner is a step (x, z) → (z', logits [N, classes, …], q), all of f32");
  return graph;
}

}  // namespace

std::vector<std::uint8_t> likeliest(const Tensor& logits) {
  const auto classes = static_cast<std::size_t>(logits.shape()[1]);
  const auto values = logits.values<float>();
  std::vector<std::uint8_t> answer(values.size() / classes);
  for (std::size_t c = 1; c < classes; ++c)
    for (std::size_t i = 0; i < answer.size(); ++i)
      if (values[c * answer.size() + i] > values[answer[i] * answer.size() + i])
        answer[i] = static_cast<std::uint8_t>(c);
  return answer;
}

std::string_view word(Halt why) {
  constexpr std::array<std::string_view, 6> words{"verified", "sure", "stable",
                                                  "budget",   "time", "preempted"};
  return words[static_cast<std::size_t>(why)];
}

bool Planner::is_step(const engine::Graph& graph) { return !puzzle_of(graph).empty(); }

std::string Planner::puzzle_of(const engine::Graph& graph) { return named(graph, engine::kPuzzleKey); }

Planner::Planner(engine::Graph step, std::span<const engine::Driver* const> drivers, Verify verify)
    : puzzle_(puzzle_of(step)),
      halt_(config::parse_number<float>(named(step, engine::kHaltKey))),
      verify_(verify ? std::move(verify) : verifier_for(puzzle_)),
      session_(std::make_shared<engine::Session>(checked(std::move(step)), drivers)) {}

Thought Planner::begin(const Tensor& x) const {
  const engine::Graph& graph = session_->graph();
  const Shape& wanted = graph.value(graph.inputs()[0]).shape;
  Shape shape = x.shape();
  if (shape.rank() + 1 == wanted.rank()) {
    shape = Shape{1};
    for (const std::int64_t extent : x.shape()) shape.push_back(extent);
  }
  if (shape.rank() != wanted.rank() || shape[0] != 1 || !engine::compatible(shape, wanted) ||
      x.dtype() != engine::DType::f32)
    throw Failure(Errc::invalid, "the planner of '" + puzzle_ + "' takes " + to_string(wanted) +
                                     ", one at a time; " + to_string(x.shape()) + " is given");
  Thought thought;
  thought.x = x.reshaped(shape);
  thought.look.z = first_state(shape);
  return thought;
}

Tensor Planner::first_state(const Shape& x) const {
  const engine::Graph& graph = session_->graph();
  Shape state = graph.value(graph.inputs()[1]).shape;
  for (std::size_t axis = 0; axis < state.rank(); ++axis)
    if (state[axis] == engine::kDynamic) state[axis] = x[axis];
  return {engine::DType::f32, std::move(state)};
}

void Planner::step(Thought& thought, bool verify, const std::stop_token& stop) const {
  Thought::Look& look = thought.look;
  const std::vector<std::uint32_t>& cells = look.view.cells;
  std::vector<Tensor> made = session_->run(std::array{cells.empty() ? thought.x : look.view.x, look.z}, stop);
  std::vector<std::uint8_t> answer = likeliest(made[1]);
  look.z = std::move(made[0]);
  const float right = 1 / (1 + std::exp(-made[2].values<float>()[0]));
  ++thought.steps, ++look.steps;
  const bool changed = answer != look.answer;
  look.unchanged = changed ? 0 : look.unchanged + 1;
  look.answer = std::move(answer);
  std::vector<std::uint8_t> there = turned_back(std::span<const std::uint8_t>(look.answer), cells);
  const bool verified = verify && changed && verify_(thought.x, there);
  if (thought.turns > 0 && !verified && right <= thought.right) return;
  thought.answer = std::move(there);
  thought.logits = turned_back(made[1], cells);
  thought.right = right;
  thought.verified = verified;
}

/// To the next side from which something may still come; false where there is none.
bool Planner::turn(Thought& thought, bool stuck) const {
  const std::size_t all = sides(puzzle_, thought.x, thought.answer.size());
  if (all == 1) return !stuck;
  const std::int64_t usual = std::max<std::int64_t>(kLeastPatience, std::ssize(thought.answer) / kPatience);
  const std::size_t round = std::min<std::size_t>(thought.turns / all, kRounds);
  if (!stuck && thought.look.steps < usual << round) return true;
  if (stuck) thought.stuck.set(thought.turns % all);
  if (thought.stuck.count() == all) return false;
  do ++thought.turns;
  while (thought.stuck.test(thought.turns % all));
  const std::size_t side = thought.turns % all;
  thought.look = {};
  thought.look.z = first_state(thought.x.shape());
  if (side > 0) thought.look.view = seen_from(puzzle_, thought.x, side);
  return true;
}

Halt Planner::think(Thought& thought, const PlanBudget& budget, const std::stop_token& stop) const {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begun = Clock::now();
  const bool verify = budget.verify && verify_;
  if (thought.verified) return Halt::verified;
  for (;;) {
    const auto most = budget.steps > 0 ? budget.steps : std::max<std::int64_t>(1, std::ssize(thought.answer));
    if (thought.steps >= most) return Halt::budget;
    if (thought.steps > 0 && Clock::now() - begun >= budget.time) return Halt::time;
    if (budget.may_go_on && !budget.may_go_on()) return Halt::preempted;
    step(thought, verify, stop);
    if (thought.verified) return Halt::verified;
    if (halt_ && !verify && thought.right >= *halt_) return Halt::sure;
    const bool stuck = budget.stable > 0 && thought.look.unchanged >= budget.stable;
    if (verify ? !turn(thought, stuck) : stuck) return Halt::stable;
  }
}

}  // namespace dormouse::hrm
