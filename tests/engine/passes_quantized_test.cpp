#include "engine/quantizing/quantizing.h"
#include "tests/engine/passes_check.h"

namespace dormouse::engine {
namespace {

using namespace passes_check;
using Integers = std::vector<std::int64_t>;

/// A graph in QDQ form under construction.
struct Quantized {
  Graph graph;

  Value number(float value) { return constant(graph, Tensor::scalar(value)); }
  Value zero(std::uint8_t value) { return constant(graph, Tensor::scalar(value)); }
  Value quantize(Value x, float scale, std::uint8_t zero_point) {
    return apply("QuantizeLinear", {x, number(scale), zero(zero_point)});
  }
  Value dequantize(Value q, float scale, std::uint8_t zero_point) {
    return apply("DequantizeLinear", {q, number(scale), zero(zero_point)});
  }
  /// An input as a model in QDQ form has it.
  Value input(Shape shape) {
    return dequantize(quantize(passes_check::input(graph, std::move(shape)), 0.02f, 100), 0.02f, 100);
  }
  /// Constant i8 weights with a scale for each slice along `axis`.
  Value weights(const Shape& shape, std::int64_t axis) {
    std::mt19937 random(kSeed);
    const Tensor scales = drawn({shape[static_cast<std::size_t>(axis)]}, random, 0.002f, 0.01f);
    return apply("DequantizeLinear",
                 {constant(graph, drawn(shape, random, -100, 100).as(DType::i8)), constant(graph, scales)},
                 {{"axis", axis}});
  }
};

/// `graph` after its passes; what it computes stays within one step.
Graph quantized(const Graph& graph) {
  std::mt19937 random(kSeed);
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) inputs.push_back(drawn(graph.value(id).shape, random, -2, 2));
  Graph rewritten = graph;
  optimise(rewritten);
  const auto is = interpret(rewritten, inputs), should = interpret(graph, inputs);
  INFO("seed " << kSeed);
  for (std::size_t i = 0; i < is.size(); ++i) {
    const Tensor a = is[i].as(DType::f32), b = should[i].as(DType::f32);
    float apart = 0, low = 255, high = 0;
    for (std::size_t k = 0; k < a.values<float>().size(); ++k) {
      apart = std::max(apart, std::abs(a.values<float>()[k] - b.values<float>()[k]));
      low = std::min(low, b.values<float>()[k]);
      high = std::max(high, b.values<float>()[k]);
    }
    CHECK(apart <= 1);
    CHECK(high - low > 30);
  }
  return rewritten;
}

TEST_CASE("Conv, bias and Relu in QDQ form become one QLinearConv", "[passes]") {
  Quantized q;
  const Value x = q.input({1, 3, 8, 8});
  const Value conv = apply("Conv", {x, q.weights({4, 3, 3, 3}, 0), weights(q.graph, {4})},
                           {{"pads", Integers{1, 1, 1, 1}}, {"strides", Integers{2, 2}}});
  q.graph.set_outputs({q.quantize(relu(conv), 0.02f, 0).id});
  const Graph after = quantized(q.graph);
  CHECK(after.nodes().size() == 2);
  CHECK(count(after, "QLinearConv") == 1);
}

TEST_CASE("a clamp that saturation does not do stays", "[passes]") {
  Quantized q;
  const Value x = q.input({1, 3, 8, 8});
  const Value conv = apply("Conv", {x, q.weights({4, 3, 3, 3}, 0)});
  q.graph.set_outputs({q.quantize(relu(conv), 0.02f, 10).id});  // -0.2 would be a number too
  const Graph after = quantized(q.graph);
  CHECK(count(after, "Relu") == 1);
}

TEST_CASE("matrix products in QDQ form become quantised ones", "[passes]") {
  using Form = Value (*)(Quantized&, Value);
  struct Expected {
    Form form;
    std::string_view op;
  };
  const Expected forms[] = {
      {[](Quantized& q, Value x) {
         return matmul(x, q.weights({16, 12}, 1));
       },
       "QLinearMatMul"},
      {[](Quantized& q, Value x) {
         return apply("Gemm", {x, q.weights({12, 16}, 0), weights(q.graph, {12})},
                      {{"transB", std::int64_t{1}}});
       },
       "QLinearGemm"},
      {[](Quantized& q, Value x) {
         return weights(q.graph, {12}) + matmul(x, transpose(q.weights({12, 16}, 0), {1, 0}));
       },
       "QLinearGemm"}};
  for (const Expected& expected : forms) {
    Quantized q;
    q.graph.set_outputs({q.quantize(expected.form(q, q.input({5, 16})), 0.03f, 120).id});
    const Graph after = quantized(q.graph);
    CHECK(after.nodes().size() == 2);
    CHECK(count(after, expected.op) == 1);
  }
}

TEST_CASE("products of what is quantised run by run are one operator each", "[passes]") {
  Graph graph;
  const Value x = input(graph, {2, 5, 16});
  const Value hidden = relu(matmul(x, weights(graph, {16, 12})) + weights(graph, {12}));
  graph.set_outputs({matmul(hidden, weights(graph, {12, 4})).id});
  const Graph spelt = quantize_dynamically(graph);
  REQUIRE(count(spelt, "MatMulInteger") == 2);
  const Graph fused = after("dynamically quantised products", spelt);
  CHECK(count(fused, "DynamicQuantizeMatMul") == 2);
  CHECK(fused.nodes().size() == 3);
}

TEST_CASE("sums that are read as they are, or scaled otherwise, are not fused", "[passes]") {
  Graph graph;
  const Value x = input(graph, {5, 16});
  graph.set_outputs({matmul(x, weights(graph, {16, 12})).id});
  Graph spelt = quantize_dynamically(graph);
  for (const Node& node : spelt.nodes())
    if (node.op->name == "MatMulInteger") spelt.set_outputs({spelt.outputs()[0], node.outputs[0]});
  Graph passed = spelt;
  optimise(passed);
  CHECK(count(passed, "DynamicQuantizeMatMul") == 0);
}

TEST_CASE("quantised numbers are moved without being dequantised", "[passes]") {
  Quantized q;
  const Value x = q.input({1, 4, 6, 6});
  const auto again = [&](Value value) { return q.dequantize(q.quantize(value, 0.02f, 100), 0.02f, 100); };
  const Value pooled = again(apply("MaxPool", {x}, {{"kernel_shape", Integers{2, 2}}}));
  const Value both = again(apply("Concat", {pooled, pooled}, {{"axis", std::int64_t{1}}}));
  q.graph.set_outputs({q.quantize(reshape(both, {8, 25}), 0.02f, 100).id});
  const Graph after = quantized(q.graph);
  CHECK(count(after, "DequantizeLinear") == 0);
  CHECK(count(after, "QuantizeLinear") == 1);
}

TEST_CASE("what is read elsewhere, or scaled otherwise, stays as it is", "[passes]") {
  Quantized q;
  const Value x = q.input({1, 3, 8, 8});
  const Value conv = apply("Conv", {x, q.weights({4, 3, 3, 3}, 0)});
  const Value rescaled = q.quantize(reshape(x, {3, 64}), 0.05f, 100);
  q.graph.set_outputs({q.quantize(conv, 0.02f, 100).id, sigmoid(conv * 100.0).id, rescaled.id});
  Graph after = q.graph;
  optimise(after);
  CHECK(count(after, "QLinearConv") == 0);
  CHECK(count(after, "QuantizeLinear") == 3);
  CHECK(count(after, "Reshape") == 1);
}

TEST_CASE("quantised weights of operators on real numbers are dequantised once", "[passes]") {
  Quantized q;
  const Value x = input(q.graph, {5, 16});
  q.graph.set_outputs({matmul(x, q.weights({16, 12}, 1)).id});
  Graph after = q.graph;
  optimise(after);
  CHECK(after.nodes().size() == 1);
}

}  // namespace
}  // namespace dormouse::engine
