#include "engine/quantizing/quantizing.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "engine/quantizing/weights.h"
#include "engine/session.h"
#include "tests/engine/passes_check.h"

namespace dormouse::engine {
namespace {

using namespace passes_check;
using Integers = std::vector<std::int64_t>;

Value convolved(Value x, const Shape& filter) {
  return apply("Conv", {x, weights(*x.graph, filter, -0.4f, 0.4f), weights(*x.graph, {filter[0]})},
               {{"pads", Integers{1, 1, 1, 1}}});
}

/// Convolutions with a residual, a pool, a linear layer.
Graph network() {
  Graph graph;
  const Value x{&graph, graph.add_input("image", DType::f32, {kDynamic, 3, 10, 10})};
  const Value a = relu(convolved(x, {8, 3, 3, 3}));
  const Value b = relu(convolved(a, {8, 8, 3, 3}) + a);
  const Value pooled = apply("MaxPool", {b}, {{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}});
  const Value rows = apply("Flatten", {pooled});
  const Value scores = apply("Gemm", {rows, weights(graph, {5, 200}, -0.1f, 0.1f), weights(graph, {5})},
                             {{"transB", std::int64_t{1}}});
  graph.rename(scores.id, "scores");
  graph.set_outputs({scores.id});
  return graph;
}

std::vector<Batch> data_for(const Shape& shape, int runs) {
  std::mt19937 random(kSeed);
  std::vector<Batch> data;
  for (int i = 0; i < runs; ++i) data.push_back({drawn(shape, random)});
  return data;
}

/// ‖a − b‖ / ‖b‖ over the first outputs.
double relative_error(const Graph& is, const Graph& should, const std::vector<Batch>& data) {
  const Session ours(is, {}), reference(should, {});
  double wrong = 0, norm = 0;
  for (const Batch& batch : data) {
    const Tensor a = ours.run(batch)[0], b = reference.run(batch)[0];
    for (std::size_t i = 0; i < b.values<float>().size(); ++i) {
      wrong += std::pow(a.values<float>()[i] - b.values<float>()[i], 2);
      norm += std::pow(b.values<float>()[i], 2);
    }
  }
  return std::sqrt(wrong / norm);
}

TEST_CASE("weights are quantised slice by slice, to half a step", "[quantizing]") {
  std::mt19937 random(kSeed);
  Tensor real = drawn({3, 4, 5}, random);
  for (float& value : real.mutable_values<float>().first(20)) value *= 100;
  const QuantizedWeights quantized = quantize_weights(real, 0);
  REQUIRE(quantized.scales.elements() == 3);
  for (std::size_t i = 0; i < 60; ++i) {
    const float scale = quantized.scales.values<float>()[i / 20];
    CHECK(std::abs(static_cast<float>(quantized.numbers.values<std::int8_t>()[i]) * scale -
                   real.values<float>()[i]) <= 0.501f * scale);
  }
  CHECK(quantized.scales.values<float>()[0] > 50 * quantized.scales.values<float>()[1]);
}

TEST_CASE("a slice of zeros has a scale all the same", "[quantizing]") {
  CHECK(quantize_weights(Tensor(DType::f32, {2, 3}), 0).scales.values<float>()[0] == 1);
}

TEST_CASE("a network quantised statically computes nearly the same, on 8-bit numbers", "[quantizing]") {
  const Graph real = network();
  const auto data = data_for({2, 3, 10, 10}, 6);
  for (const DType activations : {DType::u8, DType::i8}) {
    Graph quantized = quantize_statically(real, data, {}, {.activations = activations});
    CHECK(relative_error(quantized, real, data) < 0.05);
    CHECK(quantized.value(quantized.outputs()[0]).name == "scores");
    CHECK(count(quantized, "Relu") == 2);
    optimise(quantized);
    CHECK(count(quantized, "QLinearConv") == 2);
    CHECK(count(quantized, "QLinearGemm") == 1);
    CHECK(quantized.value(quantized.nodes()[1].outputs[0]).dtype == activations);
    CHECK(relative_error(quantized, real, data) < 0.05);
  }
}

TEST_CASE("what goes into a logarithm stays real", "[quantizing]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {1, 3, 10, 10})};
  const Value spectrum = apply("Conv", {exp(x * 8.0), weights(graph, {8, 3, 1, 1}, 0.01f, 1)});
  const Value loud = log(spectrum);
  graph.set_outputs({convolved(relu(loud), {4, 8, 3, 3}).id});
  const auto data = data_for({1, 3, 10, 10}, 6);
  const Graph mixed = quantize_statically(graph, data, {});
  CHECK(relative_error(mixed, graph, data) <= 0.1);
  const Graph whole = quantize_statically(graph, data, {}, {.tolerance = 1e9});
  CHECK(relative_error(whole, graph, data) > relative_error(mixed, graph, data));
  CHECK(count(whole, "QuantizeLinear") > count(mixed, "QuantizeLinear"));
  CHECK(count(mixed, "QuantizeLinear") > 0);
}

TEST_CASE("a quantised model whose answer is no number is as wrong as can be", "[quantizing]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {1, 3, 10, 10})};
  const Value spectrum = apply("Conv", {exp(x * 8.0), weights(graph, {8, 3, 1, 1}, 0.01f, 1)});
  graph.set_outputs({convolved(log(spectrum), {4, 8, 3, 3}).id});  // −∞ times weights of either sign
  const auto data = data_for({1, 3, 10, 10}, 6);
  CHECK(relative_error(quantize_statically(graph, data, {}), graph, data) <= 0.1);
}

TEST_CASE("products quantised dynamically share what they multiply, and compute nearly the same",
          "[quantizing]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, 24})};
  const Value left = matmul(x, weights(graph, {24, 16}));
  const Value right =
      apply("Gemm", {x, weights(graph, {16, 24}), weights(graph, {16})}, {{"transB", std::int64_t{1}}});
  graph.set_outputs({(left + right).id});
  const Graph quantized = quantize_dynamically(graph);
  CHECK(count(quantized, "DynamicQuantizeLinear") == 1);
  CHECK(count(quantized, "MatMulInteger") == 2);
  CHECK(relative_error(quantized, graph, data_for({7, 24}, 3)) < 0.02);
}

TEST_CASE("what cannot be quantised is refused", "[quantizing]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {2, 3})};
  graph.set_outputs({relu(x).id});
  const auto data = data_for({2, 3}, 1);
  CHECK_THROWS_AS(quantize_statically(graph, data, {}), Failure);
  CHECK_THROWS_AS(quantize_dynamically(graph), Failure);
  CHECK_THROWS_AS(quantize_statically(network(), {}, {}), Failure);
  auto broken = data_for({1, 3, 10, 10}, 1);
  broken[0][0].mutable_values<float>()[7] = std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(quantize_statically(network(), broken, {}), Failure);
}

}  // namespace
}  // namespace dormouse::engine
