#include "engine/passes/pass.h"

#include <array>
#include <catch2/catch.hpp>

#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/value.h"

using namespace dormouse::engine;

TEST_CASE("what depends on constants alone is computed once", "[passes]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, 2})};
  const Value c = constant(graph, Tensor::from<float>({2}, {1, 2}));
  graph.mark_output((x + exp(c) * 2.0).id);
  REQUIRE(graph.nodes().size() == 3);
  optimise(graph);
  CHECK(graph.nodes().size() == 1);
  const auto got = interpret(graph, std::array{Tensor(DType::f32, {1, 2})})[0];
  CHECK(got.values<float>()[1] == Approx(2 * std::exp(2.0f)));
}

TEST_CASE("weights of any size are reshaped once, where they lie", "[passes]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {600, 500})};
  const Tensor weights = row_of(std::vector<float>(300'000, 2));
  const Value reshaped = reshape(constant(graph, weights), {600, 500});
  graph.mark_output((x + reshaped).id);
  optimise(graph);
  REQUIRE(graph.nodes().size() == 1);
  const Tensor& read = *graph.value(graph.nodes()[0].inputs[1]).constant;
  CHECK(read.shape() == Shape{600, 500});
  CHECK(read.buffer() == weights.buffer());
}

TEST_CASE("constants that nothing reads any more take no memory", "[passes]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {1000})};
  const Value made_of = constant(graph, row_of(std::vector<float>(1000, 2)));
  const Value read = constant(graph, row_of(std::vector<float>(1000, 3)));
  graph.mark_output((x * exp(made_of) * read).id);
  optimise(graph);
  CHECK(graph.value(made_of.id).constant->elements() == 0);
  CHECK(graph.value(read.id).constant->elements() == 1000);
}

TEST_CASE("nodes that nothing reads go", "[passes]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {2})};
  tanh(exp(x));
  graph.mark_output(relu(x).id);
  optimise(graph);
  CHECK(graph.nodes().size() == 1);
}

TEST_CASE("twins merge, but not when their attributes differ or they are outputs", "[passes]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {2, 3})};
  const Value a = exp(x), b = exp(x);
  graph.mark_output((a + b).id);
  graph.mark_output(softmax(x, 0).id);
  graph.mark_output(softmax(x, 1).id);
  optimise(graph);
  CHECK(graph.nodes().size() == 4);
}
