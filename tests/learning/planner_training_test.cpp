#include "learning/planner_training.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "engine/autodiff.h"
#include "engine/planner_keys.h"
#include "engine/session.h"
#include "engine/value.h"
#include "learning/step.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

PlannerSpec spec_of(const TemporaryFolder& folder, const std::string& planner) {
  const std::string file = folder.file("spec.yaml");
  std::ofstream(file)
      << "model: small\nplanner: {" << planner
      << "}\ntrain: {epochs: 2, batch: 4, rate: 0.003, optimiser: {rule: adamw, clip_norm: 1}}\n";
  return read_planner_spec(file);
}

Parameters trained(const PlannerSpec& spec, const std::string& data, const TrainRun& run = {}) {
  const PuzzleSource source(*spec.puzzle, data);
  return parameters_by_name(train_planner(spec, source, {}, {}, run).step);
}

bool same(const Parameters& a, const Parameters& b) {
  return a.size() == b.size() && std::ranges::all_of(a, [&](const auto& entry) {
           return std::ranges::equal(entry.second.bytes(), b.at(entry.first).bytes());
         });
}

constexpr const char* kSmallMaze = "puzzle: maze, width: 4, unroll: 2, segments: 2, examples: 8, steps: 2";

}  // namespace

TEST_CASE("a maze's step takes grids of any size", "[learning]") {
  const TemporaryFolder folder;
  const engine::Graph step = planner_step(spec_of(folder, kSmallMaze));
  const engine::Session session(step, {});
  for (const std::int64_t size : {5, 8}) {
    const Tensor x(engine::DType::f32, {2, 3, size, size + 1});
    const Tensor z = planner_start(step, x);
    CHECK(z.shape() == Shape{2, 4, size, size + 1});
    const auto made = session.run(std::array{x, z});
    CHECK(made[0].shape() == z.shape());
    CHECK(made[1].shape() == Shape{2, 2, size, size + 1});
    CHECK(made[2].shape() == Shape{2, 1});
  }
  CHECK(step.metadata.at(0).second == "maze");
}

TEST_CASE("training a planner goes on from where each segment ended, and after a break", "[learning]") {
  const TemporaryFolder folder;
  const PlannerSpec spec = spec_of(folder, kSmallMaze);
  const Parameters whole = trained(spec, "5");
  CHECK_FALSE(same(whole, parameters_by_name(planner_step(spec))));
  CHECK(same(whole, trained(spec, "5")));

  TrainRun run{.checkpoint = folder.file("half.safetensors")};
  run.on_update = [](const TrainProgress& progress) {
    if (progress.epoch == 2 && progress.batch == 1) throw std::runtime_error("power cut");
  };
  CHECK_THROWS_WITH(trained(spec, "5", run), "power cut");
  run.on_update = {};
  run.resume = true;
  CHECK(same(whole, trained(spec, "5", run)));

  PlannerSpec single = spec;
  single.segments = 1;
  CHECK_FALSE(same(whole, trained(single, "5")));
}

TEST_CASE("a planner learns the smallest mazes, and when its answer is right", "[learning]") {
  const TemporaryFolder folder;
  PlannerSpec spec =
      spec_of(folder, "puzzle: maze, width: 8, unroll: 3, segments: 3, examples: 640, steps: 9");
  spec.train.epochs = 4;
  spec.train.batch = 8;
  spec.train.rate = 0.01;
  spec.train.seed = 4;
  const PuzzleSource source(*spec.puzzle, "5");
  const TrainedPlanner planner = train_planner(spec, source, {}, {});
  CHECK(planner.heldout_accuracy > 0.9);
  const engine::Session session(planner.step, {});
  double right = 0, wrong = 0;  // the mean of q, after each step
  int rights = 0, wrongs = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const Puzzle puzzle = source.at(PuzzleSource::Part::heldout, 3, i);
    const Tensor x = puzzle.input.reshaped({1, 3, 5, 5});
    Tensor z = planner_start(session.graph(), x);
    for (int step = 0; step < 9; ++step) {
      auto made = session.run(std::array{x, z});
      const auto logits = made[1].values<float>();
      bool all = true;
      for (std::size_t cell = 0; cell < 25; ++cell)
        all = all && (logits[25 + cell] > logits[cell]) == (puzzle.answer[cell] == 1);
      (all ? right : wrong) += double{made[2].values<float>()[0]};
      ++(all ? rights : wrongs);
      z = std::move(made[0]);
    }
  }
  REQUIRE(rights > 20);
  REQUIRE(wrongs > 10);
  CHECK(right / rights > 1);  // three to one
  CHECK(right / rights > wrong / wrongs + 1);
}

TEST_CASE("what judges a maze's answer takes no part in what is learnt of it, a sudoku's does",
          "[learning]") {
  const TemporaryFolder folder;
  for (const char* planner :
       {kSmallMaze, "puzzle: sudoku, width: 4, cycles: 1, thoughts: 1, unroll: 1, segments: 2"}) {
    INFO(planner);
    const PlannerSpec spec = spec_of(folder, planner);
    const PuzzleSource source(*spec.puzzle, spec.puzzle->size == 0 ? "5" : "6");
    const PuzzleBatch batch =
        stack({source.at(PuzzleSource::Part::train, 1, 0), source.at(PuzzleSource::Part::train, 1, 1),
               source.at(PuzzleSource::Part::train, 1, 2), source.at(PuzzleSource::Part::train, 1, 3)},
              planner_step(spec));
    engine::Graph graph = planner_training_graph(spec, batch.inputs.shape());
    const engine::Value rows{&graph, graph.outputs()[0]};
    const std::int64_t judged = spec.unroll * spec.train.batch;
    const engine::Value q =
        engine::apply("Slice", {rows, engine::integers(graph, {-judged}), engine::integers(graph, {1 << 30}),
                                engine::integers(graph, {0})});
    const engine::Value sum = engine::reduce_sum(engine::sigmoid(q), {0, 1}, false);
    const std::vector<engine::ValueId> parameters = parameters_of(graph);
    const std::vector<engine::ValueId> slopes = engine::differentiate(graph, sum.id, parameters);
    graph.set_outputs(slopes);
    std::vector<std::string> names;
    for (const engine::ValueId id : parameters) names.push_back(graph.value(id).name);
    const auto made = engine::Session(graph, {}).run(
        std::array{batch.inputs, planner_start(planner_step(spec), batch.inputs), batch.answers});
    for (std::size_t i = 0; i < names.size(); ++i) {
      INFO(names[i]);
      const bool moves = std::ranges::any_of(made[i].values<float>(), [](float x) { return x != 0; });
      const bool judges = names[i].starts_with("halt."), answers = names[i].starts_with("answer.");
      CHECK(moves == (judges || (spec.puzzle->size > 0 && !answers)));
    }
  }
}

TEST_CASE("a sudoku's planner is trained", "[learning]") {
  const TemporaryFolder folder;
  PlannerSpec spec = spec_of(
      folder,
      "puzzle: sudoku, width: 4, cycles: 1, thoughts: 1, unroll: 1, segments: 2, examples: 4, steps: 1");
  spec.train.epochs = 1;
  CHECK_FALSE(same(trained(spec, "6"), parameters_by_name(planner_step(spec))));
}

TEST_CASE("a planner's spec says what is wrong with it", "[learning]") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(spec_of(folder, "puzzle: chess"),
                    Catch::Contains("spec.yaml:2") && Catch::Contains("maze and sudoku"));
  CHECK_THROWS_WITH(spec_of(folder, "puzzle: maze, unrol: 3"), Catch::Contains("unroll"));
  CHECK(is_planner_spec(folder.file("spec.yaml")));
}

TEST_CASE("a new planner is the same for the same seed, and its weights are read back", "[learning]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("maze.yaml");
  const Parameters made = parameters_by_name(write_new_planner(puzzle_called("maze"), 3, file, false));
  CHECK_THROWS_WITH(write_new_planner(puzzle_called("maze"), 3, file, false), Catch::Contains("--force"));
  CHECK(same(made, parameters_by_name(planner_step(read_planner_spec(file)))));
  std::size_t count = 0;
  for (const auto& [name, tensor] : made) count += static_cast<std::size_t>(tensor.elements());
  CHECK(count < 22000);
}
