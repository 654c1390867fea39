#include <array>
#include <catch2/catch.hpp>

#include "engine/plan.h"
#include "engine/session.h"
#include "engine/value.h"

using namespace dormouse;
using namespace dormouse::engine;

/// What a session does beside computing: it runs routines, stops, and tells of its steps.
namespace {

/// An operator of a test: y = x, and `then` is done.
struct TestOp : Op {
  explicit TestOp(std::function<void()> what) : then(std::move(what)) {
    name = "Test";
    domain = "test";
    infer = [](InferContext& context) { context.set_output(0, context.dtype(0), context.shape(0)); };
    routine = [](const Op& op, const KernelContext& context) {
      static_cast<const TestOp&>(op).then();
      std::ranges::copy(context.in<float>(0), context.out<float>(0).begin());
    };
  }
  std::function<void()> then;
};

Graph with_test_op(const Op& op) {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {2})};
  const Value y{&graph, graph.add_node(op, {relu(x).id}, {}, {"y"}, "test")[0]};
  graph.mark_output((-y).id);
  return graph;
}

const Tensor kInput = Tensor::from<float>({2}, {-1, 3});

}  // namespace

TEST_CASE("a routine runs in a plan, with what it is to compute on", "[session]") {
  int calls = 0;
  const TestOp op([&calls] { ++calls; });
  const Session session(with_test_op(op), {});
  CHECK(session.run(std::array{kInput})[0].values<float>()[1] == -3.0f);
  CHECK(calls == 1);
}

TEST_CASE("what a routine throws ends the run, and the next one is as good as any", "[session]") {
  bool fails = true;
  const TestOp op([&fails] {
    if (fails) throw Failure(Errc::io, "no sensor");
  });
  const Session session(with_test_op(op), {});
  CHECK_THROWS_WITH(session.run(std::array{kInput}), "no sensor");
  fails = false;
  CHECK(session.run(std::array{kInput})[0].values<float>()[1] == -3.0f);
}

TEST_CASE("a run stops between two nodes", "[session]") {
  std::stop_source source;
  const TestOp op([&source] { source.request_stop(); });
  std::vector<std::string> ran;
  const StepObserver note = [&ran](const StepRun& run) {
    for (const std::size_t node : run.step->partition.nodes)
      ran.emplace_back(run.graph.nodes()[node].op->name);
  };
  const Session session(with_test_op(op), {}, {.observe = note});
  try {
    session.run(std::array{kInput}, source.get_token());
    FAIL("it ran to its end");
  } catch (const Failure& failure) {
    CHECK(failure.error().code == Errc::expired);
  }
  CHECK(ran == std::vector<std::string>{"Relu", "Test"});
  CHECK(session.run(std::array{kInput})[0].values<float>()[1] == -3.0f);  // nobody stops this one
}

TEST_CASE("an endless loop stops when it is told to", "[session]") {
  Graph body;
  body.add_input("i", DType::i64, {});
  const ValueId condition = body.add_input("condition", DType::boolean, {});
  std::stop_source source;
  int iterations = 0;
  const TestOp op([&] {
    if (++iterations == 3) source.request_stop();
  });
  const ValueId x = body.add_input("x", DType::f32, {2});
  body.mark_output(condition);
  body.mark_output(body.add_node(op, {x})[0]);

  Graph graph;
  const ValueId start = graph.add_input("x", DType::f32, {2});
  const ValueId always = graph.add_input("always", DType::boolean, {});
  const Attributes attributes{{"body", std::make_shared<const Graph>(body)}, {"captures", std::int64_t{0}}};
  graph.mark_output(graph.add_node(*find_op("", "Loop"), {kAbsent, always, start}, attributes)[0]);
  const Session session(graph, {});
  CHECK_THROWS_WITH(session.run(std::array{kInput, Tensor::scalar(true)}, source.get_token()),
                    Catch::Contains("stopped before the end"));
  CHECK(iterations == 3);
}

TEST_CASE("steps are told in order, with the time they took", "[session]") {
  std::vector<StepRun::Clock::time_point> times;
  std::vector<std::string> names;
  const StepObserver note = [&](const StepRun& run) {
    times.insert(times.end(), {run.begin, run.end});
    names.emplace_back(run.graph.nodes()[run.step->partition.nodes.front()].op->name);
  };
  const TestOp op([] {});
  const Session session(with_test_op(op), {}, {.timed = true, .observe = note});
  session.run(std::array{kInput});
  CHECK(names == std::vector<std::string>{"Relu", "Test", "Neg"});
  CHECK(std::ranges::is_sorted(times));
  CHECK(session.seconds().at("reference") >= 0);
}
