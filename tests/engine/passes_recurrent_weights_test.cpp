// Constant weights of recurrent operators are laid out for the products of their steps.

#include "tests/engine/passes_check.h"

namespace dormouse::engine {
namespace {

using namespace passes_check;

constexpr std::string_view kPass = "recurrent weights";

/// `op` over a sequence [5, batch, 6] in both directions, hidden size 7.
Graph recurrent(std::string_view op, std::int64_t gates, std::int64_t batch) {
  Graph graph;
  const Value x = input(graph, {5, batch, 6});
  const Value y = apply(op, {x, weights(graph, {2, gates * 7, 6}), weights(graph, {2, gates * 7, 7})},
                        {{"direction", std::string("bidirectional")}, {"hidden_size", std::int64_t{7}}});
  graph.mark_output(y.id);
  return graph;
}

void is_transposed(std::string_view op, std::int64_t gates, std::int64_t batch) {
  const Graph graph = after(kPass, recurrent(op, gates, batch));
  const Node& node = graph.nodes().front();
  CHECK(graph.nodes().size() == 1);
  CHECK(graph.value(node.inputs[1]).shape == Shape{2, 6, gates * 7});
  CHECK(graph.value(node.inputs[2]).shape == Shape{2, 7, gates * 7});
}

TEST_CASE("constant weights of recurrent operators are transposed", "[passes]") {
  const std::int64_t batch = GENERATE(1, 3, 20);
  is_transposed("LSTM", 4, batch);
  is_transposed("GRU", 3, batch);
  is_transposed("RNN", 1, batch);
}

TEST_CASE("recurrent weights are transposed once", "[passes]") {
  const Graph once = after(kPass, recurrent("LSTM", 4, 1));
  const Graph twice = after(kPass, once);
  CHECK(once.nodes().front().inputs == twice.nodes().front().inputs);
}

TEST_CASE("recurrent weights that are computed stay as they lie", "[passes]") {
  Graph graph;
  const Value w = input(graph, {1, 8, 3});
  graph.mark_output(apply("LSTM", {weights(graph, {2, 1, 3}), w, weights(graph, {1, 8, 2})}).id);
  const Graph rewritten = after(kPass, graph);
  CHECK(rewritten.nodes().front().inputs == graph.nodes().front().inputs);
}

}  // namespace
}  // namespace dormouse::engine
