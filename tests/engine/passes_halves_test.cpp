#include <array>

#include "tests/engine/passes_check.h"

namespace dormouse::engine {
namespace {

using namespace passes_check;
using Integers = std::vector<std::int64_t>;

Value half_weights(Graph& graph, const Shape& shape) {
  std::mt19937 random(kSeed);
  return constant(graph, drawn(shape, random, -0.5f, 0.5f).as(DType::f16));
}

std::size_t count_halves(const Graph& graph) {
  std::size_t found = 0;
  for (const Node& node : graph.nodes())
    for (const ValueId id : node.outputs) found += graph.value(id).dtype == DType::f16;
  return found;
}

/// Convolution, clamp, mean, linear layer, all of halves.
Graph network() {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f16, {1, 3, 8, 8})};
  const Value a = relu(apply("Conv", {x, half_weights(graph, {4, 3, 3, 3}), half_weights(graph, {4})}));
  const Value rows = reshape(a, {1, 144});
  const Value scores = matmul(rows, half_weights(graph, {144, 5}));
  graph.rename(scores.id, "scores");
  graph.set_outputs({scores.id, a.id});
  return graph;
}

TEST_CASE("a network of halves is computed in f32 between its borders", "[passes]") {
  const Graph graph = network();
  std::mt19937 random(kSeed);
  const std::array inputs{drawn({1, 3, 8, 8}, random).as(DType::f16)};
  Graph wide = graph;
  optimise(wide);
  CHECK(count_halves(wide) == 2);  // the outputs
  CHECK(wide.value(wide.outputs()[0]).name == "scores");
  const auto is = interpret(wide, inputs), should = interpret(graph, inputs);
  for (std::size_t i = 0; i < is.size(); ++i) {
    REQUIRE(is[i].dtype() == DType::f16);
    const Tensor a = is[i].as(DType::f32), b = should[i].as(DType::f32);
    for (std::size_t k = 0; k < a.values<float>().size(); ++k)
      CHECK(a.values<float>()[k] == Approx(b.values<float>()[k]).epsilon(0.005).margin(0.005));
  }
}

TEST_CASE("halves that nothing multiplies stay halves", "[passes]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f16, {4})};
  graph.set_outputs({relu(x + half_weights(graph, {4})).id});
  optimise(graph);
  CHECK(count_halves(graph) == graph.nodes().size());
}

TEST_CASE("what must be of halves is given halves in a widened graph", "[passes]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f16, {2, 6})};
  const Value product = matmul(x, half_weights(graph, {6, 4}));
  const Value like = apply("CastLike", {constant(graph, Tensor::from<float>({4}, {1, 2, 3, 4})), product});
  graph.set_outputs({(product + like).id, apply("Shape", {product}).id});
  const std::array inputs{
      Tensor::from<float>({2, 6}, {1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6}).as(DType::f16)};
  Graph wide = graph;
  optimise(wide);
  const auto is = interpret(wide, inputs), should = interpret(graph, inputs);
  REQUIRE(is[0].dtype() == DType::f16);
  for (std::size_t k = 0; k < 8; ++k)
    CHECK(is[0].as(DType::f32).values<float>()[k] ==
          Approx(should[0].as(DType::f32).values<float>()[k]).margin(0.02));
  CHECK(is[1].values<std::int64_t>()[1] == 4);
}

TEST_CASE("weights stored as halves are widened once, however large", "[passes]") {
  Graph graph;
  const Value x = input(graph, {1, 600});
  const Value weights = apply("Cast", {half_weights(graph, {600, 600})}, {{"to", std::int64_t{1}}});
  graph.set_outputs({matmul(x, weights).id});
  optimise(graph);
  CHECK(graph.nodes().size() == 1);
}

}  // namespace
}  // namespace dormouse::engine
