#include "engine/autodiff.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/value.h"

using namespace dormouse;
using namespace dormouse::engine;

namespace {

Tensor f64(Shape shape, std::initializer_list<double> values) {
  return Tensor::from<double>(std::move(shape), values);
}

double only(const Tensor& tensor) { return tensor.values<double>()[0]; }

}  // namespace

TEST_CASE("the derivative of a product of functions is exact", "[autodiff]") {
  Graph graph;  // y = x·exp(x): y' = (1 + x)·exp(x), y'' = (2 + x)·exp(x)
  const Value x{&graph, graph.add_input("x", DType::f64, {})};
  const Value y = x * exp(x);
  const ValueId first = differentiate(graph, y.id, std::array{x.id})[0];
  const ValueId second = differentiate(graph, first, std::array{x.id})[0];
  graph.mark_output(first);
  graph.mark_output(second);
  const auto got = interpret(graph, std::array{Tensor::scalar(0.7)});
  CHECK(only(got[0]) == Approx(1.7 * std::exp(0.7)).epsilon(1e-13));
  CHECK(only(got[1]) == Approx(2.7 * std::exp(0.7)).epsilon(1e-13));
}

TEST_CASE("gradients of one value read twice add up", "[autodiff]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f64, {2})};
  const Value loss = reduce_sum(x * x + x, {0}, false);
  graph.mark_output(differentiate(graph, loss.id, std::array{x.id})[0]);
  const auto got = interpret(graph, std::array{f64({2}, {3, -1})})[0];
  CHECK(got.values<double>()[0] == Approx(7));
  CHECK(got.values<double>()[1] == Approx(-1));
}

TEST_CASE("what does not reach the loss gets zeros of its own shape", "[autodiff]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f64, {})},
      idle{&graph, graph.add_input("i", DType::f64, {2, 2})};
  graph.mark_output(differentiate(graph, (x * x).id, std::array{idle.id})[0]);
  const auto got = interpret(graph, std::array{Tensor::scalar(1.0), Tensor(DType::f64, {2, 2})})[0];
  CHECK(got.shape() == Shape{2, 2});
}

namespace {

struct Layers {
  Graph graph;
  std::vector<ValueId> weights;
  ValueId loss = kAbsent;
};

Layers tanh_layers(int depth) {
  Layers layers;
  Value x{&layers.graph, layers.graph.add_input("x", DType::f64, {4, 8})};
  for (int i = 0; i < depth; ++i) {
    layers.weights.push_back(layers.graph.add_input(std::to_string(i), DType::f64, {8, 8}));
    x = tanh(matmul(x, Value{&layers.graph, layers.weights.back()}));
  }
  layers.loss = reduce_sum(x, {0, 1}, false).id;
  return layers;
}

/// How many nodes the gradients by the layers from `first` on take.
std::size_t backward_nodes(int depth, int first) {
  Layers layers = tanh_layers(depth);
  const std::size_t before = layers.graph.nodes().size();
  differentiate(layers.graph, layers.loss,
                std::span(layers.weights).subspan(static_cast<std::size_t>(first)));
  return layers.graph.nodes().size() - before;
}

}  // namespace

TEST_CASE("frozen values cost nothing: no node is built for them", "[autodiff]") {
  CHECK(backward_nodes(10, 9) == backward_nodes(2, 1));
  CHECK(backward_nodes(10, 7) == backward_nodes(4, 1));
  CHECK(backward_nodes(10, 7) < backward_nodes(10, 6));
}

TEST_CASE("a frozen layer between two that learn passes its gradient on and has none", "[autodiff]") {
  Layers all = tanh_layers(3), some = tanh_layers(3);
  differentiate(all.graph, all.loss, all.weights);
  differentiate(some.graph, some.loss, std::array{some.weights[0], some.weights[2]});
  const auto products = [](const Graph& graph) {
    return std::ranges::count(graph.nodes(), "MatMul", [](const Node& node) { return node.op->name; });
  };
  // Forward 3; backward one by each weight and one through each layer but the first.
  CHECK(products(all.graph) == 3 + 3 + 2);
  CHECK(products(some.graph) == 3 + 2 + 2);
}

TEST_CASE("a Hessian-vector product is the tangent of a gradient", "[autodiff]") {
  Graph graph;  // y = x0²·x1: H = [[2·x1, 2·x0], [2·x0, 0]]
  const Value x{&graph, graph.add_input("x", DType::f64, {2})};
  const auto pick = [&](std::int64_t i) { return apply("Gather", {x, integers(graph, {i})}); };
  const Value y = reduce_sum(pick(0) * pick(0) * pick(1), {0}, false);
  const ValueId first = differentiate(graph, y.id, std::array{x.id})[0];
  const ValueId along = graph.add_constant("v", f64({2}, {1, 10}));
  graph.mark_output(push_forward(graph, std::array{first}, std::array{Paired{x.id, along}})[0]);
  const auto got = interpret(graph, std::array{f64({2}, {3, 5})})[0];
  CHECK(got.values<double>()[0] == Approx(2 * 5 * 1 + 2 * 3 * 10));
  CHECK(got.values<double>()[1] == Approx(2 * 3 * 1));
}

TEST_CASE("a tangent and a gradient are each other's transpose", "[autodiff]") {
  Layers layers = tanh_layers(2);
  Graph& graph = layers.graph;
  const Value x{&graph, graph.inputs()[0]}, w{&graph, layers.weights[0]};
  const Value y = tanh(matmul(x, w));
  const Value u = exp(y), t = tanh(w * 3.0);
  const Value pulled{&graph, pull_back(graph, std::array{Paired{y.id, u.id}}, std::array{w.id})[0]};
  const Value pushed{&graph, push_forward(graph, std::array{y.id}, std::array{Paired{w.id, t.id}})[0]};
  graph.set_outputs({reduce_sum(pulled * t, {0, 1}, false).id, reduce_sum(pushed * u, {0, 1}, false).id});
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    Tensor tensor(DType::f64, graph.value(id).shape);
    double at = 0.1;
    for (double& value : tensor.mutable_values<double>()) value = std::sin(at += 0.7);
    inputs.push_back(std::move(tensor));
  }
  const auto got = interpret(graph, inputs);
  CHECK(only(got[0]) == Approx(only(got[1])).epsilon(1e-12));
}

TEST_CASE("an operator without gradient is named when training needs one", "[autodiff]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {3})};
  const Value still = constant(graph, Tensor(DType::f32, {3}));
  const Value pulled = apply("EwcPull", {x, still, still, scalar_like(x, 1)}, {}, "dormouse");
  const Value loss = reduce_sum(pulled, {0}, false);
  try {
    differentiate(graph, loss.id, std::array{x.id});
    FAIL("differentiated");
  } catch (const Failure& failure) {
    CHECK(failure.error().code == Errc::unsupported);
    CHECK(failure.error().context.find("EwcPull") != std::string::npos);
  }
}
