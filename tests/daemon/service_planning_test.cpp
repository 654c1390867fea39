#include <boost/json/value_to.hpp>
#include <catch2/catch.hpp>
#include <fstream>

#include "daemon/service/describe.h"
#include "daemon/verbs/verb.h"
#include "engine/formats/onnx.h"
#include "engine/op.h"
#include "engine/planner_keys.h"
#include "engine/value.h"
#include "learning/puzzle.h"
#include "tests/daemon/advised.h"
#include "tests/daemon/thinkers.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;
using namespace engine;
using Catch::Matchers::Contains;
using learning::Puzzle;

/// A planner of colours: each step it is a little surer of what a matrix says of x, [N, 8] → [N, 3].
Graph colour_step(const char* halt) {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, SmallModel::kWidth})};
  const Value z{&graph, graph.add_input("z", DType::f32, {kDynamic, 3})};
  Tensor weights(DType::f32, {SmallModel::kWidth, 3});
  for (std::size_t i = 0; i < 24; ++i) weights.mutable_values<float>()[i] = static_cast<float>(i % 5) - 2;
  const Value w{&graph, graph.add_constant("w", weights)};
  const Value next = z + matmul(x, w) * 0.01;
  const Value q = reduce_mean(next * 0, {1}, true) + -1;
  for (const Value& output : {next, next * 1.0, q}) graph.mark_output(output.id);
  graph.metadata = {{kPuzzleKey, "colours"}};
  if (halt) graph.metadata.emplace_back(kHaltKey, halt);
  return graph;
}

/// Takes every open cell of a maze for the way.
Graph hasty_model() {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, 3, kDynamic, kDynamic})};
  const Value open = apply("Slice", {x, integers(graph, {0}), integers(graph, {1}), integers(graph, {1})});
  graph.mark_output(apply("Concat", {open * 0 + 0.5, open}, {{"axis", std::int64_t{1}}}).id);
  return graph;
}

}  // namespace

TEST_CASE("a planner's step is looped until its answer is verified", "[planning]") {
  Thinkers device;
  device.start();
  const Puzzle maze = puzzle_of("maze", 11, 3), sudoku = puzzle_of("sudoku", 6, 3);
  const Answered way = device.ask("maze", maze.input);
  CHECK(answer_of(way) == maze.answer);
  CHECK(way.result.outputs.at(0).shape() == Shape{1, 11, 11});
  CHECK(way.result.outputs.at(0).dtype() == DType::i64);
  const Parameters told = describe_flat(way);
  CHECK(std::get<std::string>(*told.find("dormouse_halt")) == "verified");
  CHECK(std::get<bool>(*told.find("dormouse_verified")));
  CHECK(std::get<std::int64_t>(*told.find("dormouse_steps")) > 1);
  CHECK(told.find("dormouse_provisional") == nullptr);
  CHECK(answer_of(device.ask("sudoku", sudoku.input)) == sudoku.answer);
  const auto why = device.why(way);
  CHECK(why.at("halt") == "verified");
  CHECK(why.at("verified").as_bool());
  CHECK(why.at("model") == "maze");
  CHECK(why.at("answer").as_array().size() == 121);
  CHECK_THAT(std::string(why.at("drawing").as_string()), Contains("S") && Contains("*"));
  CHECK_THAT(std::string(why.at("sentence").as_string()), Contains("steps: the verifier accepts"));
  CHECK(device.status("maze").at("halts").at("verified").to_number<int>() == 1);
  CHECK(device.status("maze").at("steps").to_number<double>() > 1);
  const std::string metrics = device.running->get("/metrics").body;
  CHECK_THAT(metrics, Contains("dormouse_planner_answers_total{model=\"maze\",halt=\"verified\"} 1") &&
                          Contains("dormouse_planner_steps_total{model=\"sudoku\"}") &&
                          Contains("dormouse_planner_waiting{model=\"maze\"} 0"));
}

TEST_CASE("a maze that is not solved from one side is solved from another, and why tells", "[planning]") {
  Thinkers device;
  device.start();
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const Puzzle maze = puzzle_of("maze", 25, seed);
    const Answered way = device.ask("maze", maze.input);
    const auto why = device.why(way);
    const auto* turns = why.as_object().if_contains("turns");
    if (!turns || !why.at("verified").as_bool()) continue;
    INFO("seed " << seed);
    CHECK(turns->to_number<int>() > 0);
    CHECK(answer_of(way) == maze.answer);
    CHECK_THAT(std::string(why.at("sentence").as_string()), Contains(" steps, begun anew from "));
    return;
  }
  FAIL("each was solved at once, or not at all");
}

TEST_CASE("several mazes in one request are thought about one by one", "[planning]") {
  Thinkers device;
  device.start();
  const Puzzle one = puzzle_of("maze", 9, 1), two = puzzle_of("maze", 9, 2);
  std::vector<float> both(one.input.values<float>().begin(), one.input.values<float>().end());
  both.insert(both.end(), two.input.values<float>().begin(), two.input.values<float>().end());
  const Answered answered = device.ask("maze", Tensor::from<float>({2, 3, 9, 9}, both));
  REQUIRE(answered.ids.size() == 2);
  CHECK(answered.result.plans[0].answer == one.answer);
  CHECK(answered.result.plans[1].answer == two.answer);
  CHECK(answered.result.outputs[0].shape() == Shape{2, 9, 9});
  CHECK(std::get<std::string>(*describe_flat(answered).find("dormouse_halt")) == "verified,verified");
}

TEST_CASE("a planner may take so many steps, as asked for or configured", "[planning]") {
  Thinkers device;
  device.options.models[0].steps = 3;
  device.start();
  const Puzzle maze = puzzle_of("maze", 17, 5);
  const Answered two = device.ask("maze", maze.input, with(2));
  CHECK(two.result.plans[0].steps == 2);
  CHECK(two.result.plans[0].halt == hrm::Halt::budget);
  CHECK_FALSE(*two.result.plans[0].verified);
  CHECK_FALSE(two.result.plans[0].provisional);
  CHECK(device.ask("maze", maze.input).result.plans[0].steps == 3);
  CHECK_THAT(std::string(device.why(two).at("sentence").as_string()),
             Contains("2 steps: it may take no more"));
}

TEST_CASE("a step is the planner of a model that answers with labels", "[planning]") {
  Device device(41);
  write_onnx(colour_step("0.2"), device.folder.file("sage.onnx"));
  ModelOptions sage = model_called("sage", device.folder.file("sage.onnx"));
  sage.labels = SmallModel::known();
  device.options.models.push_back(sage);
  device.options.models[0].planner = "sage";
  device.options.hrm.router.accept = 1;
  device.start();
  const Answered sure = device.running->ask(device.model.between());
  const RowAnswer& answer = sure.result.rows.at(0);
  CHECK(answer.decision.route == hrm::Route::high);
  REQUIRE(answer.plan);
  CHECK(answer.plan->halt == hrm::Halt::sure);  // sigmoid(-1) = 0.27
  CHECK(answer.plan->steps == 1);
  CHECK_FALSE(answer.plan->verified);
  CHECK(std::get<std::string>(*describe_flat(sure).find("dormouse_halt")) == "sure");
  const auto why = parsed(device.running->get("/v1/why/" + std::to_string(sure.ids[0])));
  CHECK(why.at("planner").at("halt") == "sure");
  const Answered alone =
      device.running->wait(device.running->service().infer("sage", {device.model.between()}));
  CHECK(alone.result.outputs.at(0).shape() == Shape{1});

  write_onnx(colour_step(nullptr), device.folder.file("sage.onnx"));
  device.options.models[1].steps = 1000;
  device.options.hrm.latency_budget = std::chrono::microseconds(1);
  device.options.hrm.target_error = 0.2;
  device.options.hrm.audit = 1;
  device.start();
  auto listener = device.running->on_io([&] { return device.running->service().events().subscribe(); });
  const Answered early = device.running->ask(device.model.between());
  CHECK(early.result.rows[0].provisional);
  const auto event = device.running->wait(listener->next(std::chrono::minutes(1)));
  REQUIRE(event);
  CHECK_THAT(*event,
             Contains("event: answer") && Contains("\"route\":\"high\"") && Contains("\"halt\":\"stable\""));
  device.running->wait(device.running->service().routing().audit());
  const auto audited = parsed(device.running->get("/v1/why/" + std::to_string(early.ids[0])));
  CHECK(audited.at("audit").is_object());
  listener.reset();
}

TEST_CASE("a thought that a request cut short is no audit, and an audit that waits makes way", "[planning]") {
  Advised device;
  write_onnx(colour_step(nullptr), device.folder.file("sage.onnx"));
  ModelOptions& sage = device.options.models[1];
  sage.seed.clear();
  sage.labels = SmallModel::known();
  sage.concurrency = 1;
  device.options.hrm.router.accept = 1;
  device.start();
  Service& service = device.running->service();
  const auto ask = [&](std::int64_t steps) {
    return device.running->wait(service.infer("colours", {device.model.between()}, false, {}, with(steps)));
  };
  const auto awaits = [&](const Answered& answered) {
    return device.running->on_io([&] { return service.routing().awaits(answered.ids[0]); });
  };
  const Answered cut = ask(1), whole = ask(0);
  REQUIRE(cut.result.rows[0].plan->steps == 1);
  REQUIRE(whole.result.rows[0].plan->steps > 1);
  device.hold("sage");
  auto audit = device.running->begin(service.routing().audit());
  CHECK(awaits(cut));
  device.running->on_io([&] { service.routing().make_way(); });
  REQUIRE(audit.wait_for(std::chrono::minutes(1)) == std::future_status::ready);
  CHECK(awaits(cut));
  CHECK(awaits(whole));  // behind it, since audits count in the order of the draw
  device.let_go();
  for (int i = 0; i < 100 && awaits(whole); ++i) device.audit();
  CHECK_FALSE(awaits(cut));
  CHECK_FALSE(awaits(whole));
  const auto why = parsed(device.running->get("/v1/why/" + std::to_string(cut.ids[0])));
  CHECK(why.at("audit").is_object());
}

TEST_CASE("a cheap model's answer stands where the planner's verifier accepts it", "[planning]") {
  Thinkers device;
  write_onnx(hasty_model(), device.folder.file("hasty.onnx"));
  device.options.models.push_back(model_called("hasty", device.folder.file("hasty.onnx")));
  device.options.models.back().planner = "maze";
  device.start();
  const Puzzle corridor = [] {
    Puzzle puzzle = learning::puzzle_called("maze").parse({"#####", "#S G#", "#####"});
    puzzle.input = puzzle.input.reshaped({1, 3, 3, 5});
    return puzzle;
  }();
  const Answered low = device.ask("hasty", corridor.input);
  CHECK(answer_of(low) == corridor.answer);
  CHECK(low.result.plans[0].route == hrm::Route::low);
  CHECK(low.result.outputs.size() == 2);
  const Puzzle maze = puzzle_of("maze", 11, 3);
  const Answered high = device.ask("hasty", maze.input);
  CHECK(answer_of(high) == maze.answer);
  CHECK(std::get<std::string>(*describe_flat(high).find("dormouse_route")) == "high");
  CHECK(device.status("hasty").at("low").to_number<int>() == 1);
  const Answered none = device.ask("hasty", maze.input, with(0, std::chrono::microseconds(0)));
  CHECK(none.result.plans[0].provisional);
  CHECK(none.result.plans[0].steps == 0);
  CHECK_THAT(std::string(device.why(none).at("sentence").as_string()), Contains("no time for the planner"));
  CHECK(device.why(none).at("pressure").at("put_off") == "budget");
  CHECK(device.why(none).at("halt") == "time");
  CHECK(device.why(none).at("pressure").at("budget_left_us").to_number<double>() < 0);
  CHECK(device.why(high).at("pressure").at("put_off") == "no");
  const auto metadata = parsed(device.running->get("/v2/models/hasty"));
  CHECK(metadata.at("outputs").as_array().size() == 2);
  CHECK(metadata.at("parameters").at("puzzle") == "maze");
}

TEST_CASE("a planner of cells that load puts off says so", "[planning]") {
  Thinkers device;
  write_onnx(hasty_model(), device.folder.file("hasty.onnx"));
  device.options.models.push_back(model_called("hasty", device.folder.file("hasty.onnx")));
  device.options.models.back().planner = "maze";
  device.options.hrm.busy = 0;  // so many always wait
  device.start();
  auto listener = device.running->on_io([&] { return device.running->service().events().subscribe(); });
  const Answered later = device.ask("hasty", puzzle_of("maze", 11, 3).input);
  CHECK(later.result.plans[0].provisional);
  REQUIRE(device.running->wait(listener->next(std::chrono::minutes(1))));
  const auto why = device.why(later);
  CHECK(why.at("pressure").at("put_off") == "load");
  CHECK(why.at("halt") == "load");
  CHECK(std::get<std::string>(*describe_flat(later).find("dormouse_halt")) == "load");
  CHECK(why.at("pressure").at("waiting").to_number<int>() == 0);
  CHECK_THAT(std::string(why.at("sentence").as_string()), Contains("too many requests wait"));
  CHECK(why.at("final").at("verified").as_bool());
  CHECK(device.status("hasty").at("put_off").at("load").to_number<int>() == 1);
  CHECK(device.status("hasty").at("put_off").at("budget").to_number<int>() == 0);
}

TEST_CASE("infer draws what a planner of the daemon answers", "[planning]") {
  Thinkers device;
  device.start();
  std::ofstream(device.folder.file("maze.txt")) << "#######\n#S    #\n##### #\n#G    #\n#######\n";
  CHECK_THAT(device.command({"infer", "maze", device.folder.file("maze.txt")}),
             Contains("#S****#\n#####*#\n#G****#") && Contains("verified"));
  CHECK_THAT(device.command({"infer", "maze", "17", "--seed", "3", "--steps", "2"}),
             Contains("2 steps") && Contains("gave up"));
  CHECK_THAT(device.command({"infer", "maze", "11", "--json"}),
             Contains("\"verified\":true") && Contains("\"provisional\":false") && Contains("\"episode\":"));
  CHECK_THAT(device.command({"infer", "maze", "11", "--steps", "0"}),
             Contains("--steps takes a number from 1"));
  CHECK_THAT(device.command({"eval", "maze", "9", "--count", "5"}), Contains("of 5 puzzles exactly"));
  CHECK_THAT(device.command({"infer", "maze", "11", "--unverified"}), Contains("MODEL.onnx"));
  CHECK_THAT(device.command({"status"}), Contains("planner  maze: ") && Contains("verified 7"));
}

TEST_CASE("eval is not cut short by the latency budget, and names what load leaves provisional",
          "[planning]") {
  Thinkers device;
  write_onnx(hasty_model(), device.folder.file("hasty.onnx"));
  device.options.models.push_back(model_called("hasty", device.folder.file("hasty.onnx")));
  device.options.models.back().planner = "maze";
  device.options.hrm.latency_budget = std::chrono::microseconds(1);
  device.options.hrm.busy = 0;  // so many always wait
  device.start();
  CHECK_THAT(device.command({"eval", "maze", "9", "--count", "3"}), Contains("stopped: verified 3\n"));
  const std::string hasty = device.command({"eval", "hasty", "9", "--count", "3"});
  CHECK_THAT(hasty, Contains("stopped: provisional 3 (3 not yet right)\n"));
  const auto told = json::parse(device.command({"eval", "hasty", "9", "--count", "3", "--json"}));
  CHECK(told.at("halts").at("provisional").to_number<int>() == 3);
}

TEST_CASE("a planner is given no input without values, however many rows it has", "[planning]") {
  Thinkers device;
  device.start();
  CHECK_THROWS_WITH(device.ask("maze", Tensor(DType::f32, {1'000'000, 3, 0, 0})),
                    Contains("without values: [1000000, 3, 0, 0]"));
}

TEST_CASE("who would teach a planner is not told to give it labels", "[planning]") {
  Thinkers device;
  write_onnx(hasty_model(), device.folder.file("hasty.onnx"));
  device.options.models.push_back(model_called("hasty", device.folder.file("hasty.onnx")));
  device.start();
  const auto refused = [&](const char* model) {
    return std::string(device.running->get("/v1/models/" + std::string(model) + "/versions").body);
  };
  CHECK_THAT(refused("maze"), Contains("infers and does not learn") && !Contains("'labels'"));
  CHECK_THAT(refused("hasty"), Contains("only infers: its first output is") && !Contains("'labels'"));
}

TEST_CASE("what a planner's step cannot be configured as is said at start", "[planning]") {
  Thinkers device;
  const auto refused = [&](const char* why) {
    CHECK_THROWS_WITH((RunningService{device.options, device.folder}), Contains(why));
  };
  ModelOptions& maze = device.options.models[0];
  maze.batching.emplace();
  refused("one input at a time");
  maze.batching.reset();
  maze.labels = {"wall", "way"};
  refused("only those of one class a row have labels");
  maze.labels.clear();
  write_onnx(hasty_model(), device.folder.file("hasty.onnx"));
  device.options.models.push_back(model_called("hasty", device.folder.file("hasty.onnx")));
  ModelOptions& hasty = device.options.models.back();
  hasty.steps = 3;
  refused("'steps' is for a planner's step");
  hasty.steps.reset();
  hasty.planner = "sudoku";
  refused("the same input");
}

}  // namespace dormouse::daemon
