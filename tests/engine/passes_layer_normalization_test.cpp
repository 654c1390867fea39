// LayerNormalization spelt with means and deviations becomes the operator.

#include "tests/engine/passes_check.h"

namespace dormouse::engine {
namespace {

using namespace passes_check;

constexpr std::string_view kPass = "layer normalization fusion";

Value power_of_two(Value d) { return apply("Pow", {d, scalar_like(d, 2)}); }
Value square(Value d) { return d * d; }

Value normalised(Value x, Value (*squared)(Value), std::int64_t axis = -1) {
  const Value d = x - reduce_mean(x, {axis}, true);
  return d / sqrt(reduce_mean(squared(d), {axis}, true) + 1e-5);
}

TEST_CASE("layer normalisation is recognised with its scale and bias", "[passes]") {
  for (const auto squared : {power_of_two, square}) {
    Graph graph;
    const Value x = input(graph, {2, kDynamic, 16});
    graph.mark_output((normalised(x, squared) * weights(graph, {16}) + weights(graph, {16})).id);
    const Graph fused = after(kPass, graph, {{2, 3, 16}});
    CHECK(fused.nodes().size() == 1);
    CHECK(count(fused, "LayerNormalization") == 1);
  }
}

TEST_CASE("a scale or a bias alone, or neither, is one operator too", "[passes]") {
  for (const int what : {0, 1, 2}) {
    Graph graph;
    Value y = normalised(input(graph, {4, 8}), square);
    if (what == 1) y = weights(graph, {8}) * y;
    if (what == 2) y = weights(graph, {8}) + y;
    graph.mark_output(y.id);
    CHECK(after(kPass, graph).nodes().size() == 1);
  }
}

TEST_CASE("other normalisations are left alone", "[passes]") {
  Graph another_axis;
  another_axis.mark_output(normalised(input(another_axis, {4, 8}), square, 0).id);
  CHECK(count(after(kPass, another_axis), "LayerNormalization") == 0);
  Graph unscaled;  // no mean of squares
  const Value x = input(unscaled, {4, 8}), d = x - reduce_mean(x, {-1}, true);
  unscaled.mark_output((d / sqrt(reduce_sum(d * d, {-1}, true) + 1e-5)).id);
  CHECK(count(after(kPass, unscaled), "LayerNormalization") == 0);
  Graph matrix;  // a scale for each element of two axes
  matrix.mark_output((normalised(input(matrix, {4, 8}), square) * weights(matrix, {4, 8})).id);
  CHECK(count(after(kPass, matrix), "Mul") == 1);
}

TEST_CASE("steps that something else reads keep the arithmetic", "[passes]") {
  Graph graph;
  const Value x = input(graph, {4, 8}), d = x - reduce_mean(x, {-1}, true);
  graph.mark_output((d / sqrt(reduce_mean(d * d, {-1}, true) + 1e-5)).id);
  graph.mark_output(d.id);
  CHECK(count(after(kPass, graph), "LayerNormalization") == 0);
}

}  // namespace
}  // namespace dormouse::engine
