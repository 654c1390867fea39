#include "tests/drivers/halves_samples.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "engine/halves.h"
#include "engine/value.h"
#include "tests/conformance/sample_graph.h"

namespace dormouse::drivers {

using namespace engine;
using conformance::as_doubles;
using conformance::draw;
using Integers = std::vector<std::int64_t>;

constexpr unsigned kSeed = 37;

void check_near(std::span<const Tensor> actual, std::span<const Tensor> expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const auto is = as_doubles(actual[i]), should = as_doubles(expected[i]);
    REQUIRE(is.size() == should.size());
    double most = 0.1, apart = 0;
    for (std::size_t k = 0; k < is.size(); ++k) {
      most = std::max(most, std::abs(should[k]));
      apart = std::max(apart, std::abs(is[k] - should[k]));
    }
    CHECK(apart <= 0.005 * most);
  }
}

Graph of_halves(Graph graph) {
  std::vector<Node> nodes = graph.take_nodes();
  for (Node& node : nodes) mark_of_halves(node.attributes);
  graph.set_nodes(std::move(nodes));
  return graph;
}

Graph small_network(DType type) {
  std::mt19937 random(kSeed);
  Graph graph;
  const auto weights = [&](const Shape& shape) {
    return constant(graph, draw(DType::f32, shape, -0.2, 0.2, random).as(DType::f16).as(type));
  };
  const Value x{&graph, graph.add_input("x", type, {2, 3, 16, 16})};
  const Attributes around{{"pads", Integers{1, 1, 1, 1}}};
  Attributes depthwise = around;
  depthwise.set("group", std::int64_t{8});
  const Value a = relu(apply("Conv", {x, weights({8, 3, 3, 3}), weights({8})}, around));
  const Value b = apply("HardSwish", {apply("Conv", {a, weights({8, 1, 3, 3}), weights({8})}, depthwise)});
  const Value c = apply("MaxPool", {relu(apply("Neg", {a}) + b * 2)},
                        {{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}});
  const Value d = matmul(reshape(c, {2, 512}), weights({512, 32})) + weights({32});
  graph.set_outputs({softmax(matmul(tanh(d), weights({32, 10}))).id});
  return graph;
}

}  // namespace dormouse::drivers
