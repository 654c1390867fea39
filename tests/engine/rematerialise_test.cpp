#include "engine/rematerialise.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <random>

#include "engine/autodiff.h"
#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/plan.h"
#include "engine/session.h"
#include "engine/value.h"

using namespace dormouse;
using namespace dormouse::engine;

namespace {

constexpr std::int64_t kRows = 512, kWidth = 32, kDepth = 24;

struct Deep {
  Graph graph;
  std::size_t forward = 0;
  std::vector<Tensor> inputs;
};

/// tanh(x·W) again and again with one matrix, and the gradient by it.
Deep deep_net() {
  Deep deep;
  std::mt19937 random(7);
  std::uniform_real_distribution<float> uniform(-0.3f, 0.3f);
  const auto draw = [&](Shape shape) {
    Tensor tensor(DType::f32, std::move(shape));
    for (float& value : tensor.mutable_values<float>()) value = uniform(random);
    deep.inputs.push_back(tensor);
    return tensor.shape();
  };
  Value x{&deep.graph, deep.graph.add_input("x", DType::f32, draw({kRows, kWidth}))};
  const Value w{&deep.graph, deep.graph.add_input("w", DType::f32, draw({kWidth, kWidth}))};
  for (std::int64_t i = 0; i < kDepth; ++i) x = tanh(matmul(x, w));
  const Value loss = reduce_sum(x * x, {0, 1}, false);
  deep.forward = deep.graph.nodes().size();
  const ValueId gradient = differentiate(deep.graph, loss.id, std::array{w.id})[0];
  deep.graph.set_outputs({loss.id, gradient});
  return deep;
}

bool same_bytes(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  return std::ranges::equal(
      a, b, [](const Tensor& x, const Tensor& y) { return std::ranges::equal(x.bytes(), y.bytes()); });
}

}  // namespace

TEST_CASE("a graph that fits its budget is left alone", "[rematerialise]") {
  const Deep deep = deep_net();
  const Rematerialised result = rematerialise(deep.graph, deep.forward, std::size_t{1} << 40);
  CHECK(result.segments == 1);
  CHECK(result.graph.nodes().size() == deep.graph.nodes().size());
}

TEST_CASE("what is computed again takes less memory and gives the same bytes", "[rematerialise]") {
  const Deep deep = deep_net();
  const std::size_t all = rematerialise(deep.graph, deep.forward, std::size_t{1} << 40).bytes;
  const Rematerialised half = rematerialise(deep.graph, deep.forward, all / 2);
  CHECK(half.bytes <= all / 2);
  CHECK(half.graph.nodes().size() > deep.graph.nodes().size());
  CHECK(same_bytes(interpret(half.graph, deep.inputs), interpret(deep.graph, deep.inputs)));

  // A forward node is computed twice at most.
  const auto products = [](const Graph& graph) {
    return std::ranges::count(graph.nodes(), "MatMul", [](const Node& node) { return node.op->name; });
  };
  CHECK(products(half.graph) <= products(deep.graph) + kDepth);
}

TEST_CASE("the passes do not undo it", "[rematerialise]") {
  const Deep deep = deep_net();
  const Rematerialised least = rematerialise(deep.graph, deep.forward, 0);
  CHECK(least.segments > 2);
  const Session session(least.graph, {}), whole(deep.graph, {});
  CHECK(same_bytes(session.run(deep.inputs), whole.run(deep.inputs)));
  const auto arena = [&](const Graph& graph) {
    const std::array shapes{deep.inputs[0].shape(), deep.inputs[1].shape()};
    return make_plan(graph, shapes, {}, std::size_t{1} << 40).arena_bytes;
  };
  CHECK(arena(session.graph()) * 2 < arena(whole.graph()));
}
