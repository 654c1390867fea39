// Activations spelt with arithmetic become the operators that ONNX has for them.

#include <numbers>

#include "tests/engine/passes_check.h"

namespace dormouse::engine {
namespace {

using namespace passes_check;

constexpr std::string_view kPass = "activation fusion";

Value scalar(Value like, float value) { return scalar_like(like, static_cast<double>(value)); }

Value clip(Value x, float low, float high) { return apply("Clip", {x, scalar(x, low), scalar(x, high)}); }

/// A graph of one input, [3, 50], and `f` of it.
template <class F>
Graph graph_of(F f) {
  Graph graph;
  graph.mark_output(f(input(graph, {3, 50})).id);
  return graph;
}

/// `f` becomes one node, the operator `op`.
template <class F>
void becomes(std::string_view op, F f) {
  const Graph fused = after(kPass, graph_of(f));
  CHECK(fused.nodes().size() == 1);
  CHECK(count(fused, op) == 1);
}

template <class F>
void stays(F f) {
  const Graph graph = graph_of(f);
  CHECK(after(kPass, graph).nodes().size() == graph.nodes().size());
}

TEST_CASE("hard swish is recognised however its factors are ordered", "[passes]") {
  becomes("HardSwish", [](Value x) { return x * clip(x + 3.0, 0, 6) / scalar(x, 6); });
  becomes("HardSwish", [](Value x) { return x * (clip(scalar(x, 3) + x, 0, 6) / scalar(x, 6)); });
  becomes("HardSwish", [](Value x) { return clip(x + 3.0, 0, 6) * x * scalar(x, 1.0f / 6); });
  becomes("HardSwish", [](Value x) { return x * clip(x * (1.0 / 6) + 0.5, 0, 1); });
  becomes("HardSwish", [](Value x) {
    return x * apply("HardSigmoid", {x}, {{"alpha", 1.0f / 6}, {"beta", 0.5f}});
  });
}

TEST_CASE("hard sigmoid is recognised with its slope", "[passes]") {
  becomes("HardSigmoid", [](Value x) { return clip(x + 3.0, 0, 6) / scalar(x, 6); });
  becomes("HardSigmoid", [](Value x) { return clip(x * 0.5 + 1.0, 0, 4) * scalar(x, 0.25); });
}

TEST_CASE("SiLU is recognised, with a slope too", "[passes]") {
  becomes("Swish", [](Value x) { return x * sigmoid(x); });
  becomes("Swish", [](Value x) { return sigmoid(x * 1.702) * x; });
}

TEST_CASE("GELU is recognised in the forms of PyTorch and TensorFlow", "[passes]") {
  const auto share = [](Value x) {
    return apply("Erf", {x / scalar(x, std::numbers::sqrt2_v<float>)}) + 1.0;
  };
  becomes("Gelu", [&](Value x) { return x * share(x) * 0.5; });
  becomes("Gelu", [&](Value x) { return x * 0.5 * share(x); });
  becomes("Gelu", [&](Value x) { return x * (share(x) * 0.5); });
  constexpr double kSlope = 0.7978845608;
  const auto cube = [](Value x) { return apply("Pow", {x, scalar(x, 3)}); };
  becomes("Gelu", [&](Value x) { return x * 0.5 * (tanh((x + cube(x) * 0.044715) * kSlope) + 1.0); });
  becomes("Gelu", [&](Value x) { return x * (tanh((x + x * x * x * 0.044715) * kSlope) + 1.0) * 0.5; });
  becomes("Gelu", [&](Value x) { return x * 0.5 * (tanh(x * kSlope * (x * x * 0.044715 + 1.0)) + 1.0); });
}

TEST_CASE("other constants are other functions", "[passes]") {
  stays([](Value x) { return x * clip(x + 3.0, 0, 5) / scalar(x, 6); });
  stays([](Value x) { return x * clip(x + 3.0, -1, 6) / scalar(x, 6); });
  stays([](Value x) { return x * sigmoid(x + 1.0); });
  stays([](Value x) { return x * (apply("Erf", {x}) + 1.0) * 0.5; });
  stays([](Value x) { return x * (apply("Erf", {x / scalar(x, 1.41421356f)}) + 1.0); });
  stays([](Value x) { return x * 0.5 * (tanh((x + x * x * 0.044715) * 0.7978845608) + 1.0); });
}

TEST_CASE("what something else reads is computed still, and nothing is fused over it", "[passes]") {
  Graph graph;
  const Value x = input(graph, {3, 50}), gate = sigmoid(x);
  graph.mark_output((x * gate).id);
  graph.mark_output(gate.id);
  CHECK(count(after(kPass, graph), "Swish") == 0);
}

TEST_CASE("a gate of another value is no SiLU", "[passes]") {
  Graph graph;
  const Value x = input(graph, {3, 50}), y = input(graph, {3, 50});
  graph.mark_output((x * sigmoid(y)).id);
  CHECK(count(after(kPass, graph), "Swish") == 0);
}

TEST_CASE("the halves of a gated linear unit are told apart", "[passes]") {
  Graph graph;
  const Value x = input(graph, {3, 50});
  const auto halves = graph.add_node(*find_op("", "Split"), {x.id}, {{"axis", std::int64_t{1}}}, {"", ""});
  graph.mark_output((Value{&graph, halves[0]} * sigmoid({&graph, halves[1]})).id);
  CHECK(count(after(kPass, graph), "Swish") == 0);
}

}  // namespace
}  // namespace dormouse::engine
