#include "engine/session.h"

#include <array>
#include <catch2/catch.hpp>
#include <thread>

#include "engine/interpreter.h"
#include "engine/value.h"

using namespace dormouse;
using namespace dormouse::engine;

namespace {

/// x [?, 4] → relu(x·W + b) → softmax, with the hidden layer as a second output.
Graph small_model() {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, 4})};
  std::vector<float> weights(12);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = 0.1f * static_cast<float>(i) - 0.5f;
  const Value w = constant(graph, Tensor::from<float>({4, 3}, weights));
  const Value b = constant(graph, Tensor::from<float>({3}, {0.1f, -0.2f, 0.3f}));
  const Value hidden = relu(matmul(x, w) + b);
  graph.mark_output(softmax(hidden).id);
  graph.mark_output(hidden.id);
  return graph;
}

Tensor ramp(Shape shape, float scale) {
  Tensor tensor(DType::f32, std::move(shape));
  float next = -1;
  for (float& value : tensor.mutable_values<float>()) value = (next += scale);
  return tensor;
}

void check_same(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  for (std::size_t i = 0; i < a.values<float>().size(); ++i)
    CHECK(a.values<float>()[i] == Approx(b.values<float>()[i]).margin(1e-6));
}

}  // namespace

TEST_CASE("a planned run gives what the interpreter gives, whatever the batch", "[session]") {
  const Graph graph = small_model();
  const Session session(graph, {});
  for (const std::int64_t batch : {1, 5, 2, 17, 1}) {
    const Tensor x = ramp({batch, 4}, 0.07f);
    const auto planned = session.run(std::array{x});
    const auto interpreted = interpret(graph, std::array{x});
    REQUIRE(planned.size() == 2);
    for (std::size_t i = 0; i < planned.size(); ++i) check_same(planned[i], interpreted[i]);
  }
}

TEST_CASE("an input of the wrong type or shape is refused by name", "[session]") {
  const Session session(small_model(), {});
  const auto message = [&](const Tensor& input) -> std::string {
    try {
      session.run(std::array{input});
    } catch (const Failure& failure) {
      CHECK(failure.error().code == Errc::invalid);
      return failure.error().context;
    }
    return "accepted";
  };
  CHECK(message(Tensor(DType::f32, {2, 5})) == "input 'x': expected f32 [?, 4], given f32 [2, 5]");
  CHECK(message(Tensor(DType::f64, {2, 4})) == "input 'x': expected f32 [?, 4], given f64 [2, 4]");
  CHECK(message(Tensor(DType::f32, {4})) == "input 'x': expected f32 [?, 4], given f32 [4]");
  CHECK_THROWS_AS(session.run({}), Failure);
}

TEST_CASE("an empty batch gives empty answers", "[session]") {
  const Session session(small_model(), {});
  CHECK(session.run(std::array{Tensor(DType::f32, {0, 4})})[0].shape() == Shape{0, 3});
}

TEST_CASE("many threads run one session with different batches", "[session]") {
  const Graph graph = small_model();
  const Session session(graph, {}, {.plans = 2});
  std::vector<std::thread> threads;
  std::array<int, 4> wrong{};
  for (std::size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t] {
      for (int round = 0; round < 50; ++round) {
        const Tensor x =
            ramp({1 + (round + static_cast<std::int64_t>(t)) % 4, 4}, 0.03f * static_cast<float>(t + 1));
        const auto got = session.run(std::array{x})[0], want = interpret(graph, std::array{x})[0];
        for (std::size_t i = 0; i < got.values<float>().size(); ++i)
          wrong[t] += std::abs(got.values<float>()[i] - want.values<float>()[i]) > 1e-6f;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::array<int, 4>{});
}

TEST_CASE("in-place and view operators do not overwrite what is still read", "[session]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {2, 3})};
  const Value a = exp(x);              // may overwrite x? No: x is read again below
  const Value flat = reshape(a, {6});  // a view of a
  const Value b = relu(flat - scalar_like(flat, 1));
  graph.mark_output((reshape(b, {2, 3}) + x).id);
  graph.mark_output(flat.id);
  const Tensor input = ramp({2, 3}, 0.4f);
  const auto got = Session(graph, {}).run(std::array{input});
  const auto want = interpret(graph, std::array{input});
  for (std::size_t i = 0; i < 2; ++i) check_same(got[i], want[i]);
}

TEST_CASE("an operator that reads its first input twice does not overwrite it", "[session]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {3})};
  const Value data = x + x;
  const Value places = constant(graph, Tensor::from<std::int64_t>({3}, {1, 2, 0}));
  graph.mark_output(apply("ScatterElements", {data, places, data}).id);
  const Tensor input = ramp({3}, 1);
  check_same(Session(graph, {}).run(std::array{input})[0], interpret(graph, std::array{input})[0]);
}

TEST_CASE("an output may be an input or a constant", "[session]") {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::f32, {2});
  graph.mark_output(x);
  graph.mark_output(graph.add_constant("c", Tensor::from<float>({1}, {7})));
  const auto got = Session(graph, {}).run(std::array{Tensor::from<float>({2}, {1, 2})});
  CHECK(got[0].values<float>()[1] == 2.0f);
  CHECK(got[1].values<float>()[0] == 7.0f);
}
