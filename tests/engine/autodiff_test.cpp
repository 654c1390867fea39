#include "engine/autodiff.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/interpreter.h"
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

TEST_CASE("frozen values cost nothing: no node is built for them", "[autodiff]") {
  const auto nodes = [](bool train_first) {
    Graph graph;
    Value x{&graph, graph.add_input("x", DType::f64, {4, 8})};
    const Value first{&graph, graph.add_input("w1", DType::f64, {8, 8})};
    const Value second{&graph, graph.add_input("w2", DType::f64, {8, 2})};
    const Value loss = reduce_sum(matmul(tanh(matmul(x, first)), second), {0, 1}, false);
    const std::size_t before = graph.nodes().size();
    if (train_first)
      differentiate(graph, loss.id, std::array{first.id, second.id});
    else
      differentiate(graph, loss.id, std::array{second.id});
    return graph.nodes().size() - before;
  };
  CHECK(nodes(false) < nodes(true));
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
