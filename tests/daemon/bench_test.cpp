#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "daemon/verbs/bench_inputs.h"
#include "daemon/verbs/step_profile.h"
#include "daemon/verbs/verb.h"
#include "drivers/all_drivers.h"
#include "engine/formats/npy.h"
#include "engine/formats/onnx.h"
#include "engine/session.h"
#include "engine/value.h"
#include "tests/temporary_folder.h"

namespace dormouse::daemon {
namespace {

using namespace engine;
namespace json = boost::json;

/// x [?, 8] → relu(x · w) · v, 8·16 + 16·4 products a row.
Graph two_layers() {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, 8})};
  const Value hidden = relu(matmul(x, constant(graph, Tensor(DType::f32, {8, 16}))));
  graph.mark_output(matmul(hidden, constant(graph, Tensor(DType::f32, {16, 4}))).id);
  return graph;
}

/// The session's runs, observed.
StepProfile profiled(const Graph& graph, std::span<const Driver* const> drivers, std::size_t runs) {
  StepProfile profile;
  const Session session(graph, drivers, {.measure = true, .observe = std::ref(profile)});
  const auto inputs = bench_inputs(session.graph(), {}, {}, 1);
  for (std::size_t i = 0; i < runs; ++i) session.run(inputs);
  return profile;
}

json::value trace_of(const StepProfile& profile) {
  std::ostringstream text;
  profile.write_trace(text);
  return json::parse(text.str());
}

}  // namespace

TEST_CASE("shapes and files are given by name", "[bench]") {
  const auto shapes = parse_shapes("x=1x3x224x224,input:0=7");
  CHECK(shapes.at("x") == Shape{1, 3, 224, 224});
  CHECK(shapes.at("input:0") == Shape{7});
  CHECK(parse_shapes("rate=").at("rate") == Shape{});
  CHECK_THROWS_AS(parse_files("x="), Failure);
  CHECK(parse_files("x=a=b.npy").at("x=a") == "b.npy");
  CHECK(parse_shapes("").empty());
  for (const char* wrong : {"x", "=3", "x=3x", "x=x3", "x=-1", "x=3y4", "x=99999999999999999999"})
    CHECK_THROWS_AS(parse_shapes(wrong), Failure);
  CHECK_THROWS_WITH(parse_shapes("x=1,y=2,x=3"), "'x' is given twice");
  CHECK_THROWS_WITH(parse_files("x=a.npy,x=a.npy"), "'x' is given twice");
}

TEST_CASE("inputs are drawn by type, the same ones each time", "[bench]") {
  Graph graph;
  graph.add_input("image", DType::f32, {kDynamic, 100});
  graph.add_input("tokens", DType::i64, {kDynamic, 100});
  const auto inputs = bench_inputs(graph, {{"tokens", {2, 100}}}, {}, 7);
  CHECK(inputs[0].shape() == Shape{1, 100});
  CHECK(inputs[1].shape() == Shape{2, 100});
  const auto real = inputs[0].values<float>();
  CHECK(*std::ranges::min_element(real) < -0.5f);
  CHECK(std::ranges::all_of(real, [](float x) { return x >= -1 && x < 1; }));
  const auto whole = inputs[1].values<std::int64_t>();
  CHECK(std::ranges::all_of(whole, [](std::int64_t x) { return x == 0 || x == 1; }));
  CHECK(std::ranges::count(whole, 1) > 50);
  CHECK(std::ranges::equal(bench_inputs(graph, {{"tokens", {2, 100}}}, {}, 7)[0].values<float>(), real));
  CHECK_THROWS_WITH(bench_inputs(graph, {{"picture", {1}}}, {}, 7),
                    "the model has no input 'picture'; it has image, tokens");
}

TEST_CASE("inputs may come from files", "[bench]") {
  const TemporaryFolder folder;
  Graph graph;
  graph.add_input("x", DType::f32, {2});
  write_npy(folder.file("x.npy"), Tensor::from<float>({2}, {3, 4}));
  CHECK(bench_inputs(graph, {}, {{"x", folder.file("x.npy")}}, 1)[0].values<float>()[1] == 4);
}

TEST_CASE("a profile has the steps of a run, their work and their times", "[bench]") {
  const StepProfile profile = profiled(two_layers(), {}, 3);
  REQUIRE(profile.steps().size() == 3);
  const StepProfile::Step& first = profile.steps()[0];
  CHECK(first.op == "MatMul");
  CHECK(first.driver == "reference");
  CHECK(first.runs == 3);
  CHECK(first.cost.macs == 8 * 16);
  CHECK(first.cost.bytes == 4 * (8 + 8 * 16 + 16));
  CHECK(profile.steps()[1].cost.macs == 0);
  CHECK(profile.steps()[2].cost.macs == 16 * 4);
}

TEST_CASE("a driver's program is one step, and says what its parts took", "[bench]") {
  if (drivers::all_drivers().empty()) return;
  const StepProfile profile = profiled(two_layers(), drivers::all_drivers(), 2);
  REQUIRE(profile.steps().size() == 1);
  const StepProfile::Step& step = profile.steps()[0];
  CHECK(step.driver == "xnnpack");
  CHECK(step.cost.macs == 8 * 16 + 16 * 4);
  CHECK(step.cost.bytes == 4 * (8 + 8 * 16 + 16 * 4 + 4));
  REQUIRE(step.parts.size() >= 2);
  CHECK_FALSE(step.parts[0].first.empty());
}

TEST_CASE("time in a subgraph counts once", "[bench]") {
  Graph branch;
  const ValueId inner = branch.add_input("x", DType::f32, {64, 64});
  branch.mark_output(matmul(Value{&branch, inner}, Value{&branch, inner}).id);
  Graph graph;
  const ValueId condition = graph.add_input("condition", DType::boolean, {});
  const ValueId x = graph.add_input("x", DType::f32, {64, 64});
  const auto shared = std::make_shared<const Graph>(branch);
  graph.mark_output(
      graph.add_node(*find_op("", "If"), {condition, x},
                     {{"then_branch", shared}, {"else_branch", shared}, {"captures", std::int64_t{1}}})[0]);
  const StepProfile profile = profiled(graph, {}, 1);
  REQUIRE(profile.steps().size() == 2);
  CHECK(profile.steps()[0].op == "MatMul");
  CHECK(profile.steps()[0].depth == 1);
  CHECK(profile.steps()[1].op == "If");
  const json::value trace = trace_of(profile);
  const json::array& events = trace.at("traceEvents").as_array();
  REQUIRE(events.size() == 2);
  const double whole = events[1].at("dur").to_number<double>();
  CHECK(std::chrono::duration<double, std::micro>(profile.steps()[0].total + profile.steps()[1].total)
            .count() == Approx(whole).margin(0.01));
  CHECK(events[0].at("ts").to_number<double>() >= events[1].at("ts").to_number<double>());
}

TEST_CASE("a trace is a list of complete events, in microseconds", "[bench]") {
  const StepProfile profile = profiled(two_layers(), {}, 2);
  const json::value trace = trace_of(profile);
  const json::array& events = trace.at("traceEvents").as_array();
  REQUIRE(events.size() == 6);
  double at = 0;
  for (const json::value& event : events) {
    CHECK(event.at("ph") == "X");
    CHECK(event.at("cat") == "reference");
    CHECK(event.at("ts").to_number<double>() >= at);
    at = event.at("ts").to_number<double>() + event.at("dur").to_number<double>();
  }
  CHECK(events[0].at("args").at("macs") == 128);
  CHECK(trace_of(StepProfile()).at("traceEvents").as_array().empty());
}

TEST_CASE("bench says how fast a model is, and writes its trace", "[bench]") {
  const TemporaryFolder folder;
  write_onnx(two_layers(), folder.file("model.onnx"));
  std::ostringstream out;
  std::streambuf* const old = std::cout.rdbuf(out.rdbuf());
  const int code = run_command_line(std::vector<std::string>{"bench", folder.file("model.onnx"), "--runs",
                                                             "5", "--shape", "x=2x8", "--driver", "reference",
                                                             "--trace", folder.file("trace.json"), "--json"});
  std::cout.rdbuf(old);
  REQUIRE(code == kOk);
  const json::value said = json::parse(out.str());
  CHECK(said.at("runs") == 5);
  CHECK(said.at("macs") == 2 * (8 * 16 + 16 * 4));
  const json::value& latency = said.at("latency_us");
  CHECK(latency.at("min").to_number<double>() <= latency.at("p50").to_number<double>());
  CHECK(latency.at("p99").to_number<double>() <= latency.at("max").to_number<double>());
  CHECK(said.at("first_answer_us").to_number<double>() >= said.at("load_us").to_number<double>());
  CHECK(said.at("steps").as_array().size() == 3);
  std::ifstream file(folder.file("trace.json"));
  const std::string trace{std::istreambuf_iterator<char>(file), {}};
  CHECK_FALSE(json::parse(trace).at("traceEvents").as_array().empty());
}

}  // namespace dormouse::daemon
