// Operators that give what they are given go.

#include "tests/engine/passes_check.h"

namespace dormouse::engine {
namespace {

using namespace passes_check;
using Integers = std::vector<std::int64_t>;

constexpr std::string_view kPass = "no-ops";

Value after_nothing(Value x) {
  Graph& graph = *x.graph;
  Value y = apply("Identity", {x});
  y = apply("Detach", {y}, {}, "dormouse");
  y = apply("Dropout", {y});
  y = cast(y, DType::f32);
  y = reshape(y, {2, 3, 4});
  y = transpose(y, {0, 1, 2});
  y = apply("Expand", {y, integers(graph, {3, 1})});
  y = apply("Pad", {y, integers(graph, Integers(6, 0))});
  y = apply("Slice", {y, integers(graph, {0}), integers(graph, {99}), integers(graph, {1})});
  y = apply("Concat", {y}, {{"axis", std::int64_t{1}}});
  y = y * 1.0 + 0.0;
  return y / constant(graph, Tensor::from<float>({1, 1}, {1})) -
         constant(graph, Tensor(DType::f32, {2, 3, 4}));
}

TEST_CASE("a chain of operators that change nothing goes as a whole", "[passes]") {
  Graph graph;
  graph.mark_output(relu(after_nothing(input(graph, {2, 3, 4}))).id);
  CHECK(after(kPass, graph).nodes().size() == 1);
}

TEST_CASE("an output that equals an input is copied, under its own name", "[passes]") {
  Graph graph;
  graph.mark_output(after_nothing(input(graph, {2, 3, 4})).id);
  const Graph copied = after(kPass, graph);
  CHECK(copied.nodes().size() == 1);
  CHECK(count(copied, "Identity") == 1);
}

TEST_CASE("what only looks like nothing stays", "[passes]") {
  const auto stays = [](const char* what, Shape shape, auto f) {
    INFO(what);
    Graph graph;
    graph.mark_output(f(input(graph, std::move(shape))).id);
    CHECK(after(kPass, graph).nodes().size() == graph.nodes().size());
  };
  stays("another shape", {2, 3}, [](Value x) { return reshape(x, {3, 2}); });
  stays("walked backwards", {2, 3}, [](Value x) {
    Graph& graph = *x.graph;
    return apply("Slice", {x, integers(graph, {-1}), integers(graph, {-9}), integers(graph, {1}),
                           integers(graph, {-1})});
  });
  stays("broadcast by a 1 of higher rank", {3}, [](Value x) {
    return x * constant(*x.graph, Tensor::from<float>({1, 1}, {1}));
  });
  stays("subtracted from 0", {3}, [](Value x) { return scalar_like(x, 0) - x; });
  stays("one divided by it", {3}, [](Value x) { return scalar_like(x, 1) / x; });
  stays("zeros of a larger shape", {1, 3}, [](Value x) {
    return x + constant(*x.graph, Tensor(DType::f32, {2, 3}));
  });
}

Value softmax_by_matrix(Value x, std::int64_t axis) {
  const Value matrix = apply("Flatten", {x}, {{"axis", axis}});
  return reshape_to(softmax(matrix, 1), x);
}

TEST_CASE("Softmax of the last axis needs no matrix, as opsets before 13 had it", "[passes]") {
  for (const std::int64_t axis : {2, -1}) {
    Graph graph;
    graph.mark_output(softmax_by_matrix(input(graph, {2, kDynamic, 5}), axis).id);
    const Graph plain = after(kPass, graph, {{2, 3, 5}});
    CHECK(plain.nodes().size() == 1);
    CHECK(count(plain, "Softmax") == 1);
  }
  Graph graph;
  graph.mark_output(softmax_by_matrix(input(graph, {2, 3, 5}), 1).id);
  CHECK(after(kPass, graph).nodes().size() == 3);
}

TEST_CASE("a Dropout that trains stays", "[passes]") {
  Graph graph;
  const Value x = input(graph, {2, 3});
  const Value trains = constant(graph, Tensor::from<std::uint8_t>({}, {1}).as(DType::boolean));
  graph.mark_output(apply("Dropout", {x, constant(graph, Tensor::scalar<float>(0.5)), trains}).id);
  CHECK(after(kPass, graph).nodes().size() == 1);
  CHECK(count(after(kPass, graph), "Dropout") == 1);
}

}  // namespace
}  // namespace dormouse::engine
