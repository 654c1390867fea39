// Transposes that cancel, merge or meet over element-wise operators.

#include "tests/engine/passes_check.h"

namespace dormouse::engine {
namespace {

using namespace passes_check;

constexpr std::string_view kPass = "transposes";

TEST_CASE("a transpose and its inverse cancel", "[passes]") {
  Graph graph;
  const Value x = input(graph, {2, 3, 4, 5});
  graph.mark_output(relu(transpose(transpose(x, {0, 2, 3, 1}), {0, 3, 1, 2})).id);
  CHECK(after(kPass, graph).nodes().size() == 1);
}

TEST_CASE("transposes that do not cancel merge", "[passes]") {
  Graph graph;
  const Value x = input(graph, {2, 3, 4, 5});
  graph.mark_output(transpose(transpose(x, {1, 0, 3, 2}), {2, 0, 1, 3}).id);
  const Graph merged = after(kPass, graph);
  CHECK(merged.nodes().size() == 1);
}

TEST_CASE("a cancelled pair keeps the name of a graph's output", "[passes]") {
  Graph graph;
  const Value x = input(graph, {2, 3});
  graph.mark_output(transpose(transpose(x, {1, 0}), {1, 0}).id);
  CHECK(count(after(kPass, graph), "Transpose") == 0);
}

TEST_CASE("transposes meet over element-wise operators", "[passes]") {
  Graph graph;
  const Value x = input(graph, {2, 3, 4, 5});
  const Value between = 1.0 - tanh(transpose(x, {0, 2, 3, 1})) * 3.0;
  graph.mark_output(transpose(between, {0, 3, 1, 2}).id);
  CHECK(count(after(kPass, graph), "Transpose") == 0);
}

TEST_CASE("two operands transposed alike are transposed once", "[passes]") {
  Graph graph;
  const Value x = input(graph, {2, 3, 4}), y = input(graph, {2, 3, 4});
  graph.mark_output((transpose(x, {2, 0, 1}) - transpose(y, {2, 0, 1})).id);
  CHECK(count(after(kPass, graph), "Transpose") == 1);
}

TEST_CASE("a transpose of extents of 1 is a reshape", "[passes]") {
  Graph graph;
  graph.mark_output(tanh(transpose(input(graph, {2, 1, 7, 1}), {3, 0, 2, 1})).id);
  const Graph reshaped = after(kPass, graph);
  CHECK(count(reshaped, "Transpose") == 0);
  CHECK(count(reshaped, "Reshape") == 1);
}

TEST_CASE("transposes stay where nothing is gained", "[passes]") {
  Graph shared;  // the first is read by another, and so is computed anyhow
  const Value x = input(shared, {2, 3}), turned = transpose(x, {1, 0});
  shared.mark_output(transpose(tanh(turned), {1, 0}).id);
  shared.mark_output(relu(turned).id);
  CHECK(count(after(kPass, shared), "Transpose") == 2);
  Graph rows;  // a vector belongs to one axis
  const Value sum = transpose(input(rows, {2, 3}), {1, 0}) + weights(rows, {2});
  rows.mark_output(transpose(sum, {1, 0}).id);
  CHECK(count(after(kPass, rows), "Transpose") == 2);
  Graph moved;
  moved.mark_output(transpose(input(moved, {1, 2, 3}), {0, 2, 1}).id);
  CHECK(count(after(kPass, moved), "Transpose") == 1);
}

/// Channels of x, [2, 6, 4, 5], whose number leaves `index` by `parts`, as ShuffleNet v2 takes them.
Value every_nth(Value x, std::int64_t parts, std::int64_t index) {
  const Value swapped = transpose(reshape(x, {12 / parts, parts, 20}), {1, 0, 2});
  const Value wanted = constant(*x.graph, Tensor::scalar(index));
  return apply("Gather", {reshape(swapped, {parts, 2, 6 / parts, 4, 5}), wanted});
}

TEST_CASE("every other channel comes from one shuffle of the image", "[passes]") {
  const std::int64_t parts = GENERATE(2, 3);
  Graph graph;
  const Value x = input(graph, {2, 6, 4, 5});
  graph.set_outputs({every_nth(x, parts, 0).id, every_nth(x, parts, -1).id});
  const Graph rewritten = after("channel shuffles", graph);
  CHECK(count(rewritten, "Gather") == 0);
  CHECK(count(rewritten, "Slice") == 2);
  CHECK(count(rewritten, "Transpose") == 1);
}

TEST_CASE("channels that are taken otherwise are left alone", "[passes]") {
  Graph graph;
  const Value x = input(graph, {2, 6, 4, 5});
  const Value swapped = transpose(reshape(x, {6, 2, 20}), {1, 0, 2});
  const Value first = constant(graph, Tensor::scalar(std::int64_t{0}));
  graph.set_outputs(
      {apply("Gather", {reshape(swapped, {2, 3, 2, 4, 5}), first}).id,
       apply("Gather", {reshape(swapped, {2, 2, 3, 4, 5}), first}, {{"axis", std::int64_t{1}}}).id});
  CHECK(count(after("channel shuffles", graph), "Gather") == 2);
}

}  // namespace
}  // namespace dormouse::engine
