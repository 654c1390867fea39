#include "engine/graph.h"

#include <array>
#include <catch2/catch.hpp>

#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/value.h"

using namespace dormouse;
using namespace dormouse::engine;

TEST_CASE("a refused node names operator, reason and shapes, and leaves the graph as it was", "[graph]") {
  Graph graph;
  const ValueId a = graph.add_input("a", DType::f32, {2, 3}), b = graph.add_input("b", DType::f32, {4, 5});
  const std::size_t values = graph.value_count();
  try {
    graph.add_node(*find_op("", "MatMul"), {a, b}, {}, {"y"}, "head");
    FAIL("accepted");
  } catch (const Failure& failure) {
    for (const char* part : {"MatMul", "head", "[2, 3]", "[4, 5]"})
      CHECK(failure.error().context.find(part) != std::string::npos);
  }
  CHECK(graph.value_count() == values);
  CHECK(graph.nodes().empty());
}

TEST_CASE("an extracted part starts at the cut and shares the weights", "[graph]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, 2})};
  const Value cut = tanh(x);
  graph.rename(cut.id, "features");
  const Value w = constant(graph, Tensor::from<float>({2, 1}, {2, 3}));
  const Value y = matmul(cut, w);
  graph.mark_output(y.id);
  const Graph part = extract(graph, std::array{cut.id}, std::array{y.id});
  CHECK(part.value(part.inputs()[0]).name == "features");
  REQUIRE(part.nodes().size() == 1);
  CHECK(interpret(part, std::array{Tensor::from<float>({1, 2}, {1, 1})})[0].values<float>()[0] == 5.0f);
  const ValueId weights = part.nodes()[0].inputs[1];
  CHECK(part.value(weights).constant->data() == w.info().constant->data());
}

TEST_CASE("a part that needs more than the cut is refused", "[graph]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {2})};
  const Value cut = tanh(x);
  const Value y = cut + x;
  CHECK_THROWS_AS(extract(graph, std::array{cut.id}, std::array{y.id}), Failure);
}

TEST_CASE("a grown weight changes the shapes behind it", "[graph]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, 2})};
  const Value w = constant(graph, Tensor(DType::f32, {2, 3}));
  const Value y = matmul(x, w);
  graph.set_constant(w.id, Tensor(DType::f32, {2, 4}));
  graph.reinfer();
  CHECK(y.shape() == Shape{kDynamic, 4});
}

TEST_CASE("a shape computed from the input tells its rank before its extents", "[graph]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, kDynamic})};
  const Value row{&graph, graph.add_input("row", DType::i64, {3})};
  const auto shape = [&](Value value) { return graph.value(value.id).shape; };
  CHECK(shape(apply("Reshape", {x, row})) == Shape{kDynamic, kDynamic, kDynamic});
  CHECK(shape(apply("Expand", {x, row})) == Shape{kDynamic, kDynamic, kDynamic});
  CHECK(shape(apply("ConstantOfShape", {row})) == Shape{kDynamic, kDynamic, kDynamic});
  const Value open{&graph, graph.add_input("open", DType::i64, {kDynamic})};
  CHECK_FALSE(graph.value(apply("Reshape", {x, open}).id).shape_known);
}
