#include "hrm/planner.h"

#include <catch2/catch.hpp>

#include "engine/planner_keys.h"
#include "engine/value.h"
#include "hrm/halting.h"

using namespace dormouse;
using namespace dormouse::hrm;
using engine::DType;
using engine::kDynamic;
using engine::Shape;
using engine::Tensor;
using engine::Value;

namespace {

/// z counts the steps; after the third, every walkable cell is of the answer.
engine::Graph counting_step(const char* halt = nullptr) {
  engine::Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, 3, kDynamic, kDynamic})};
  const Value z{&graph, graph.add_input("z", DType::f32, {kDynamic, 1, kDynamic, kDynamic})};
  const Value next = z + 1;
  const Value open = engine::apply(
      "Slice", {x, engine::integers(graph, {0}), engine::integers(graph, {1}), engine::integers(graph, {1})});
  const Value yes = open * next;
  const Value logits = engine::apply("Concat", {yes * 0 + 2.5, yes}, {{"axis", std::int64_t{1}}});
  const Value q = engine::reduce_mean(next, {1, 2, 3}, false);
  for (const Value& output : {next, logits, engine::unsqueeze(q, {1}) + -3.5}) graph.mark_output(output.id);
  graph.metadata = {{engine::kPuzzleKey, "maze"}};
  if (halt) graph.metadata.emplace_back(engine::kHaltKey, halt);
  return graph;
}

/// Rows of a maze as the planner sees them; S is the first character that is not '#', G the last.
Tensor maze(std::vector<std::string> rows) {
  const auto height = std::ssize(rows), width = std::ssize(rows[0]);
  Tensor x(DType::f32, Shape{1, 3, height, width});
  const auto values = x.mutable_values<float>();
  std::size_t first = values.size(), last = 0, cells = values.size() / 3, i = 0;
  for (const std::string& row : rows)
    for (const char what : row) {
      if (what != '#') {
        first = std::min(first, i);
        last = i;
        values[i] = 1;
      }
      ++i;
    }
  values[cells + first] = values[2 * cells + last] = 1;
  return x;
}

const std::vector<std::string> kWay{"#####", "#  ##", "## ##", "##  #", "#####"};
const std::vector<std::string> kBlindAlley{"#####", "#   #", "## ##", "##  #", "#####"};

}  // namespace

TEST_CASE("a planner stops as soon as its verifier accepts", "[hrm]") {
  const Planner planner(counting_step(), {});
  Thought thought = planner.begin(maze(kWay));
  CHECK(planner.think(thought, {}) == Halt::verified);
  CHECK(thought.steps == 3);
  CHECK(thought.verified);
  CHECK(planner.think(thought, {}) == Halt::verified);
  CHECK(thought.steps == 3);
}

TEST_CASE("a planner whose answer is refused stops by its budget or when nothing changes", "[hrm]") {
  const Planner planner(counting_step(), {});
  Thought thought = planner.begin(maze(kBlindAlley));
  CHECK(planner.think(thought, {.steps = 5}) == Halt::budget);
  CHECK(thought.steps == 5);
  CHECK_FALSE(thought.verified);
  CHECK(planner.think(thought, {.steps = 1000, .stable = 4}) == Halt::stable);
  CHECK(thought.stuck.count() == 8);
  Thought other = planner.begin(maze(kBlindAlley));
  CHECK(planner.think(other, {.time = std::chrono::nanoseconds(0)}) == Halt::time);
  CHECK(other.steps == 1);
}

namespace {

/// Of a maze, whose goal has to lie on the upper half for it to find the way, which is where one may walk.
/// Its halting head thinks more of answers as the start is farther down.
engine::Graph one_sided_step() {
  engine::Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {1, 3, kDynamic, kDynamic})};
  const Value z{&graph, graph.add_input("z", DType::f32, {1, 1, kDynamic, kDynamic})};
  const auto channel = [&](std::int64_t c, std::int64_t end, std::int64_t axis, const Value& of) {
    return engine::apply("Slice", {of, engine::integers(graph, {c}), engine::integers(graph, {end}),
                                   engine::integers(graph, {axis})});
  };
  const Value above = engine::reduce_sum(channel(0, 2, 2, channel(2, 3, 1, x)), {1, 2, 3}, true);
  const Value yes = channel(0, 1, 1, x) * above;
  const Value logits = engine::apply("Concat", {yes * 0 + 0.5, yes}, {{"axis", std::int64_t{1}}});
  const Value below = engine::reduce_sum(channel(3, 5, 2, channel(1, 2, 1, x)), {1, 2, 3}, false);
  for (const Value& output : {z + 1, logits, engine::unsqueeze(below, {1})}) graph.mark_output(output.id);
  graph.metadata = {{engine::kPuzzleKey, "maze"}};
  return graph;
}

}  // namespace

TEST_CASE("a planner that gets nowhere looks from the other sides", "[hrm]") {
  const Planner planner(one_sided_step(), {});
  Thought thought = planner.begin(maze(kWay));  // from above to below
  CHECK(planner.think(thought, {}) == Halt::verified);
  CHECK(thought.turns == 2);   // mirrored, then upside down
  CHECK(thought.steps == 11);  // 25 / 5 from each side before
  CHECK(thought.verified);
  std::vector<std::uint8_t> way;
  for (const std::string& row : kWay)
    for (const char what : row) way.push_back(what != '#');
  CHECK(thought.answer == way);  // the right way up
  CHECK(likeliest(thought.logits) == way);

  Thought resumed = planner.begin(maze(kWay));
  for (std::int64_t steps = 1; planner.think(resumed, {.steps = steps}) == Halt::budget; ++steps)
    CHECK(resumed.steps == steps);
  CHECK(resumed.steps == 11);

  Thought alone = planner.begin(maze(kWay));  // nothing tells that it gets nowhere
  CHECK(planner.think(alone, {.verify = false}) == Halt::budget);
  CHECK(alone.turns == 0);
}

TEST_CASE("of answers from other sides the one stands that the halting head thinks most of", "[hrm]") {
  const Verify never = [](const Tensor&, std::span<const std::uint8_t>) { return false; };
  const Planner planner(one_sided_step(), {}, never);
  Thought thought = planner.begin(maze(kWay));
  CHECK(planner.think(thought, {.steps = 10}) == Halt::budget);
  CHECK(thought.answer == std::vector<std::uint8_t>(25, 0));
  const float before = thought.right;
  CHECK(planner.think(thought, {.steps = 12}) == Halt::budget);  // upside down the start is below
  CHECK(thought.right > before);
  const std::vector<std::uint8_t> found = thought.answer;
  CHECK(found != std::vector<std::uint8_t>(25, 0));
  CHECK(planner.think(thought, {.steps = 1000}) == Halt::stable);
  CHECK(thought.turns == 31);  // in the fourth round each had the time
  CHECK(thought.answer == found);
}

TEST_CASE("a planner whose answer is not of the puzzle's cells sees it from one side", "[hrm]") {
  engine::Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {1, 3, 5, 5})};
  const Value z{&graph, graph.add_input("z", DType::f32, {1, 1})};
  const Value one = engine::reduce_mean(x, {1, 2, 3}, false);  // [1]
  const Value logits = engine::apply("Concat", {engine::unsqueeze(one, {1}), engine::unsqueeze(one + 1, {1})},
                                     {{"axis", std::int64_t{1}}});
  for (const Value& output : {z + 1, logits, engine::unsqueeze(one, {1})}) graph.mark_output(output.id);
  graph.metadata = {{engine::kPuzzleKey, "maze"}};
  const Planner planner(graph, {});
  Thought thought = planner.begin(maze(kWay));
  CHECK(planner.think(thought, {.steps = 100}) == Halt::stable);
  CHECK(thought.turns == 0);
  CHECK(thought.answer == std::vector<std::uint8_t>{1});
}

TEST_CASE("a planner gives up when its answer changes no more from any side", "[hrm]") {
  // From side 0 it settles at once; from the others, where the start is not in the upper left, never.
  engine::Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {1, 3, kDynamic, kDynamic})};
  const Value z{&graph, graph.add_input("z", DType::f32, {1, 1, kDynamic, kDynamic})};
  const auto part = [&](const Value& of, std::int64_t begin, std::int64_t end, std::int64_t axis) {
    return engine::apply("Slice", {of, engine::integers(graph, {begin}), engine::integers(graph, {end}),
                                   engine::integers(graph, {axis})});
  };
  const Value corner = part(part(part(x, 1, 2, 1), 1, 2, 2), 1, 2, 3);  // [1, 1, 1, 1]: the start is there
  const Value sign = (z * -1 + 1) * (corner * -1 + 1) + z * corner;     // flips but for that corner
  const Value yes = part(x, 0, 1, 1) * 0 + sign;
  const Value logits = engine::apply("Concat", {yes * 0 + 0.5, yes}, {{"axis", std::int64_t{1}}});
  for (const Value& output :
       {sign, logits, engine::unsqueeze(engine::reduce_mean(yes, {1, 2, 3}, false), {1})})
    graph.mark_output(output.id);
  graph.metadata = {{engine::kPuzzleKey, "maze"}};
  const Planner planner(graph, {}, [](const Tensor&, std::span<const std::uint8_t>) { return false; });
  Thought thought = planner.begin(maze(kWay));  // its goal is in the opposite corner
  CHECK(planner.think(thought, {.steps = 2000}) == Halt::budget);
  CHECK(thought.steps == 2000);
  CHECK(thought.stuck.any());
  CHECK_FALSE(thought.stuck.all());
}

TEST_CASE("once it has looked from all sides, a planner gives each twice the time", "[hrm]") {
  const Verify never = [](const Tensor&, std::span<const std::uint8_t>) { return false; };
  const Planner planner(one_sided_step(), {}, never);
  Thought thought = planner.begin(maze(kWay));
  CHECK(planner.think(thought, {.steps = 8 * 5, .stable = 0}) == Halt::budget);
  CHECK(thought.turns == 8);
  CHECK(planner.think(thought, {.steps = 8 * 5 + 8 * 10, .stable = 0}) == Halt::budget);
  CHECK(thought.turns == 16);
  CHECK(thought.look.view.cells.empty());
}

TEST_CASE("a planner believes its halting head from the calibrated probability on", "[hrm]") {
  const Planner planner(counting_step("0.9"), {});
  Thought thought = planner.begin(maze(kBlindAlley));
  CHECK(planner.think(thought, {.verify = false}) == Halt::sure);
  CHECK(thought.steps == 6);  // 1 / (1 + exp(3.5 - 6)) = 0.92
  const Planner deaf(counting_step(), {});
  Thought same = deaf.begin(maze(kBlindAlley));
  CHECK(deaf.think(same, {.verify = false}) == Halt::budget);
}

TEST_CASE("a halting head is not believed where the verifier refuses", "[hrm]") {
  const Planner planner(counting_step("0.9"), {});
  Thought thought = planner.begin(maze(kBlindAlley));
  CHECK(planner.think(thought, {.steps = 200}) == Halt::budget);
  CHECK(thought.right > 0.9f);
}

TEST_CASE("a halting head is certified from trials, and not where it errs", "[hrm]") {
  // Every tenth puzzle is believed too early at 0.8, at 0.9 none is.
  std::vector<HaltTrial> trials;
  for (int i = 0; i < 800; ++i)
    trials.push_back(
        {{0.5f, 0.8f + static_cast<float>(i % 7) * 0.001f, 0.9f + static_cast<float>(i % 11) * 0.001f},
         {false, i % 10 != 0, true}});
  const Certificate certificate = certify_halting(trials, {.target_error = 0.02, .delta = 0.05});
  REQUIRE(certificate.threshold);
  CHECK(*certificate.threshold >= 0.9f);
  CHECK(*certificate.threshold < 0.902f);
  CHECK(certificate.accepted > 500);
  CHECK(certificate.errors == 0);
  CHECK(certificate.bound <= 0.02);
  for (HaltTrial& trial : trials) trial.correct.assign(3, false);
  CHECK_FALSE(certify_halting(trials, {.target_error = 0.02, .delta = 0.05}).threshold);
  CHECK_FALSE(certify_halting({}, {}).threshold);
}

TEST_CASE("a trial of the halting head follows a planner to its end, verified or not", "[hrm]") {
  const Planner planner(counting_step(), {});
  std::vector<std::uint8_t> answer;
  for (const std::string& row : kWay)
    for (const char what : row) answer.push_back(what != '#');
  const HaltTrial trial = try_halting(planner, maze(kWay), answer, {.steps = 5});
  CHECK(trial.correct == std::vector<bool>{false, false, true, true, true});
  REQUIRE(trial.right.size() == 5);
  CHECK(trial.right[2] < trial.right[3]);
  CHECK(try_halting(planner, maze(kWay), answer, {.stable = 2}).right.size() == 5);
}

TEST_CASE("a thought that was interrupted ends as one that was not", "[hrm]") {
  const Planner planner(counting_step(), {});
  Thought thought = planner.begin(maze(kWay));
  PlanBudget budget;
  int asked = 0;
  budget.may_go_on = [&] { return ++asked % 2 == 1; };
  CHECK(planner.think(thought, budget) == Halt::preempted);
  CHECK(thought.steps == 1);
  CHECK(thought.answer == std::vector<std::uint8_t>(25, 0));
  Thought elsewhere = thought;  // goes on from a copy
  while (planner.think(elsewhere, budget) == Halt::preempted) {
  }
  CHECK(elsewhere.steps == 3);
  CHECK(elsewhere.verified);
}

TEST_CASE("a scoring model may be the verifier", "[hrm]") {
  engine::Graph graph;
  graph.add_input("x", DType::f32, {1, 3, kDynamic, kDynamic});
  const Value answer{&graph, graph.add_input("answer", DType::f32, {1, kDynamic})};
  graph.mark_output(engine::reduce_sum(answer, {0, 1}, false).id);
  const Verify six =
      scored_by(std::make_shared<engine::Session>(graph, std::span<const engine::Driver* const>{}), 6);
  const Planner planner(counting_step(), {}, six);
  Thought blind = planner.begin(maze(kBlindAlley));
  CHECK(planner.think(blind, {}) == Halt::verified);
  Thought way = planner.begin(maze(kWay));
  CHECK(planner.think(way, {.steps = 1000, .stable = 2}) == Halt::stable);
}

TEST_CASE("a planner refuses what is no step, and what does not fit it", "[hrm]") {
  engine::Graph one;
  one.mark_output(one.add_input("x", DType::f32, {1, 2}));
  CHECK_THROWS_WITH(Planner(one, {}), Catch::Contains("(x, z)"));
  const Planner planner(counting_step(), {});
  CHECK_THROWS_WITH(planner.begin(Tensor(DType::f32, {4, 5, 5})), Catch::Contains("[4, 5, 5]"));
  CHECK_THROWS_WITH(planner.begin(Tensor(DType::f32, {2, 3, 5, 5})), Catch::Contains("one at a time"));
}

TEST_CASE("a way is one line from start to goal on open cells", "[hrm]") {
  const Verify accepts = verifier_for("maze");
  const Tensor x = maze({"   ", "   ", "   "});  // from corner to corner
  CHECK(accepts(x, std::vector<std::uint8_t>{1, 1, 1, 0, 0, 1, 0, 0, 1}));
  CHECK(accepts(x, std::vector<std::uint8_t>{1, 0, 0, 1, 1, 0, 0, 1, 1}));
  CHECK_FALSE(accepts(x, std::vector<std::uint8_t>{1, 1, 1, 0, 0, 0, 0, 0, 1}));  // a gap
  CHECK_FALSE(accepts(x, std::vector<std::uint8_t>{1, 1, 1, 0, 1, 1, 0, 0, 1}));  // a branch
  CHECK_FALSE(accepts(x, std::vector<std::uint8_t>{1, 1, 1, 1, 0, 1, 1, 1, 1}));  // a circle
  CHECK_FALSE(accepts(x, std::vector<std::uint8_t>(9, 0)));
  const Tensor walled = maze({"  #", "#  ", "   "});
  CHECK_FALSE(accepts(walled, std::vector<std::uint8_t>{1, 1, 1, 0, 0, 1, 0, 0, 1}));  // through a wall
  CHECK_FALSE(accepts(x, std::vector<std::uint8_t>(4, 1)));
  const Tensor far = maze({"   ", "###", "   "});
  CHECK_FALSE(accepts(far, std::vector<std::uint8_t>{1, 1, 1, 0, 0, 0, 1, 1, 1}));
}

TEST_CASE("a sudoku's answer has every digit once in each row, column and box", "[hrm]") {
  const Verify accepts = verifier_for("sudoku");
  std::vector<std::uint8_t> answer{0, 1, 2, 3, 4, 5, 3, 4, 5, 0, 1, 2, 1, 2, 0, 4, 5, 3,
                                   4, 5, 3, 1, 2, 0, 2, 0, 1, 5, 3, 4, 5, 3, 4, 2, 0, 1};
  Tensor x(DType::f32, {1, 36, 7});
  for (std::size_t i = 0; i < 36; ++i) x.mutable_values<float>()[i * 7] = 1;
  CHECK(accepts(x, answer));
  x.mutable_values<float>()[0] = 0;
  x.mutable_values<float>()[1] = 1;  // a 1 is given
  CHECK(accepts(x, answer));
  std::swap(answer[0], answer[1]);
  CHECK_FALSE(accepts(x, answer));
  std::swap(answer[0], answer[1]);
  std::swap(answer[20], answer[21]);
  CHECK_FALSE(accepts(x, answer));
}
