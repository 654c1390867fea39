#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "engine/autodiff.h"
#include "engine/interpreter.h"
#include "engine/kernels/ternary.h"
#include "engine/passes/pass.h"
#include "engine/session.h"
#include "engine/value.h"

namespace dormouse::engine {
namespace {

Tensor noise(Shape shape, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Tensor tensor(DType::f32, std::move(shape));
  for (float& value : tensor.mutable_values<float>()) value = normal(random);
  return tensor;
}

/// x [rows, in] through BitLinear of constant weights.
Graph bit_linear_graph(std::int64_t in, std::int64_t out) {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, in})};
  const Value w = constant(graph, noise({out, in}, 1)), bias = constant(graph, noise({out}, 2));
  graph.mark_output(apply("BitLinear", {x, w, bias}, {}, "dormouse").id);
  return graph;
}

}  // namespace

TEST_CASE("packed weights answer bit for bit as those they are made of", "[ternary]") {
  for (const std::int64_t in : {0, 5, 128, 300}) {
    Graph graph = bit_linear_graph(in, 17);
    const std::array input{noise({3, in}, 4)};
    const Tensor expected = interpret(graph, input)[0];
    optimise(graph);
    REQUIRE(graph.nodes().size() == 1);
    CHECK(graph.nodes()[0].op->name == "PackedBitLinear");
    CHECK(std::ranges::equal(interpret(graph, input)[0].bytes(), expected.bytes()));
  }
}

TEST_CASE("a product of ternary weights is what its definition says", "[ternary]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {1, 3})};
  // mean|w| = 0.5: 1, 0 (a quarter is nearer to it) and -1 in the first row, 0, 1 and 1 in the second.
  const Value w = constant(graph, Tensor::from<float>({2, 3}, {0.7f, 0.2f, -0.6f, -0.1f, 0.5f, 0.9f}));
  graph.mark_output(apply("BitLinear", {x, w}, {}, "dormouse").id);
  const std::array input{Tensor::from<float>({1, 3}, {127, 0.4f, -63.6f})};
  const Tensor y = interpret(graph, input)[0];
  CHECK(y.values<float>()[0] == Approx(0.5 * (127 + 64)));
  CHECK(y.values<float>()[1] == Approx(0.5 * (0 - 64)));
}

TEST_CASE("gradients pass rounding as if it were not there", "[ternary]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {1, 3})};
  const Value w{&graph, graph.add_input("w", DType::f32, {2, 3})};
  const Value y = apply("BitLinear", {x, w}, {}, "dormouse");
  const Value loss = reduce_sum(y * constant(graph, Tensor::from<float>({1, 2}, {1, 10})), {0, 1}, false);
  graph.set_outputs(differentiate(graph, loss.id, std::array{x.id, w.id}));
  const std::vector<Tensor> slopes =
      interpret(graph, std::array{Tensor::from<float>({1, 3}, {127, 0.4f, -63.6f}),
                                  Tensor::from<float>({2, 3}, {0.7f, 0.2f, -0.6f, -0.1f, 0.5f, 0.9f})});
  const std::vector<float> dx{0.5f, 5, -0.5f + 5}, dw{127, 0, -64, 1270, 0, -640};
  for (std::size_t i = 0; i < dx.size(); ++i) CHECK(slopes[0].values<float>()[i] == Approx(dx[i]));
  for (std::size_t i = 0; i < dw.size(); ++i)
    CHECK(slopes[1].values<float>()[i] == Approx(dw[i]).margin(1e-6));
}

TEST_CASE("ternary products do not hide what is no number", "[ternary]") {
  const Graph graph = bit_linear_graph(4, 2);
  for (const float bad : {NAN, INFINITY}) {
    const std::array input{Tensor::from<float>({2, 4}, {1, bad, 2, 3, 1, 2, 3, 4})};
    Graph packed = graph;
    optimise(packed);
    for (const Graph* const run : {&graph, static_cast<const Graph*>(&packed)}) {
      const Tensor y = interpret(*run, input)[0];
      CHECK_FALSE(std::isfinite(y.values<float>()[0]));
      CHECK(std::isfinite(y.values<float>()[2]));
    }
  }
}

}  // namespace dormouse::engine
