// BatchNormalization, and constants that scale and shift channels, go into the layer before them.

#include "engine/on_demand.h"
#include "tests/engine/passes_check.h"

namespace dormouse::engine {
namespace {

using namespace passes_check;
using Integers = std::vector<std::int64_t>;

constexpr std::string_view kPass = "batch norm and affine folding";

Value normalized(Value x, std::int64_t channels) {
  Graph& graph = *x.graph;
  return apply("BatchNormalization", {x, weights(graph, {channels}, 0.5, 2), weights(graph, {channels}),
                                      weights(graph, {channels}), weights(graph, {channels}, 0.1f, 2)});
}

TEST_CASE("batch normalisation goes into convolutions, grouped and biased or not", "[passes]") {
  for (const bool biased : {false, true}) {
    Graph graph;
    const Value x = input(graph, {2, 4, 5, 6});
    const Value filter = weights(graph, {6, 2, 3, 3}), bias = weights(graph, {6});
    const Attributes attributes{{"group", std::int64_t{2}}, {"pads", Integers{1, 1, 1, 1}}};
    const Value y =
        biased ? apply("Conv", {x, filter, bias}, attributes) : apply("Conv", {x, filter}, attributes);
    graph.mark_output(relu(normalized(y, 6)).id);
    const Graph folded = after(kPass, graph);
    CHECK(folded.nodes().size() == 2);
    CHECK(count(folded, "BatchNormalization") == 0);
  }
}

TEST_CASE("batch normalisation goes into transposed convolutions of several groups", "[passes]") {
  Graph graph;
  const Value x = input(graph, {2, 4, 5, 6});
  const Value y = apply("ConvTranspose", {x, weights(graph, {4, 3, 2, 3})},
                        {{"group", std::int64_t{2}}, {"strides", Integers{2, 1}}});
  graph.mark_output(normalized(y, 6).id);
  CHECK(after(kPass, graph).nodes().size() == 1);
}

/// The same weights as if a file held them where no kernel can read them.
Value unmade(Value weights) {
  const Tensor held = *weights.info().constant;
  const auto make = [held](std::size_t first, std::span<std::byte> to) {
    std::ranges::copy(held.bytes().subspan(first, to.size()), to.begin());
  };
  return constant(*weights.graph, Tensor(DType::f32, held.shape(), on_demand(held.byte_size(), make), 0));
}

TEST_CASE("weights that are on demand are scaled on demand, all or some of them", "[passes]") {
  Graph graph;
  const Value x = input(graph, {2, 16, 5, 6});
  const Value y = normalized(
      apply("ConvTranspose", {x, unmade(weights(graph, {16, 12, 3, 3}))}, {{"group", std::int64_t{4}}}), 48);
  graph.mark_output(y.id);
  const Graph folded = after(kPass, graph);
  REQUIRE(folded.nodes().size() == 1);
  const Tensor scaled = *folded.value(folded.nodes()[0].inputs[1]).constant;
  const Tensor whole = made(scaled);
  for (std::int64_t row = 0; row < 16; row += 3)
    CHECK(std::ranges::equal(made(scaled.rows(row, 1)).bytes(), whole.rows(row, 1).bytes()));
}

TEST_CASE("batch normalisation goes into matrix products", "[passes]") {
  for (const std::int64_t transposed : {0, 1}) {
    Graph graph;
    const Value x = input(graph, {3, 5});
    const Value w = transposed ? weights(graph, {4, 5}) : weights(graph, {5, 4});
    const Value y =
        apply("Gemm", {x, w, weights(graph, {4})}, {{"transB", transposed}, {"alpha", 0.5f}, {"beta", 2.0f}});
    graph.mark_output(normalized(y, 4).id);
    CHECK(after(kPass, graph).nodes().size() == 1);
  }
  Graph graph;
  graph.mark_output(normalized(matmul(input(graph, {3, 5}), weights(graph, {5, 4})), 4).id);
  const Graph folded = after(kPass, graph);
  CHECK(folded.nodes().size() == 1);
  CHECK(count(folded, "Gemm") == 1);
}

TEST_CASE("factors and addends per channel go into the layer before", "[passes]") {
  Graph graph;
  const Value x = input(graph, {2, 3, 4, 4});
  const Value y = apply("Conv", {x, weights(graph, {5, 3, 1, 1})}) * weights(graph, {5, 1, 1}) /
                  constant(graph, Tensor::scalar<float>(3));
  graph.mark_output((weights(graph, {1, 5, 1, 1}) - (y + weights(graph, {1}))).id);
  CHECK(after(kPass, graph).nodes().size() == 1);
}

TEST_CASE("a matrix product takes its addends in as a Gemm does, and factors at any rank", "[passes]") {
  Graph plain;
  plain.mark_output((matmul(input(plain, {3, 5}), weights(plain, {5, 4})) + weights(plain, {4})).id);
  CHECK(count(after(kPass, plain), "Gemm") == 1);
  Graph batched;
  const Value y = matmul(input(batched, {2, 3, 5}), weights(batched, {5, 4})) * weights(batched, {4});
  batched.mark_output((y + weights(batched, {4})).id);
  const Graph folded = after(kPass, batched);
  CHECK(folded.nodes().size() == 2);
  CHECK(count(folded, "Mul") == 0);
}

TEST_CASE("batch normalisation without a layer before it takes in what follows", "[passes]") {
  Graph graph;
  const Value x = input(graph, {2, 3, 4, 4});
  graph.mark_output((normalized(relu(x), 3) * weights(graph, {3, 1, 1}) + weights(graph, {3, 1, 1})).id);
  const Graph folded = after(kPass, graph);
  CHECK(folded.nodes().size() == 2);
  CHECK(count(folded, "BatchNormalization") == 1);
}

TEST_CASE("shapes that are known in part suffice", "[passes]") {
  Graph graph;
  const Value x = input(graph, {kDynamic, 3, kDynamic, 4});
  graph.mark_output(normalized(apply("Conv", {x, weights(graph, {5, 3, 1, 1})}), 5).id);
  CHECK(after(kPass, graph, {{2, 3, 6, 4}}).nodes().size() == 1);
}

TEST_CASE("a convolution keeps its weights when something else reads it", "[passes]") {
  for (const bool output : {false, true}) {
    Graph graph;
    const Value y = apply("Conv", {input(graph, {2, 3, 4, 4}), weights(graph, {5, 3, 1, 1})});
    graph.mark_output(normalized(y, 5).id);
    graph.mark_output(output ? y.id : relu(y).id);
    CHECK(count(after(kPass, graph), "BatchNormalization") == 1);
  }
}

TEST_CASE("weights that are not constant, and values along other axes, are left alone", "[passes]") {
  Graph trained;
  const Value x = input(trained, {2, 3, 4, 4}), filter = input(trained, {5, 3, 1, 1});
  trained.mark_output(normalized(apply("Conv", {x, filter}), 5).id);
  CHECK(after(kPass, trained).nodes().size() == 2);
  for (const Shape& shape : {Shape{4}, Shape{4, 1}, Shape{2, 1, 1, 1}, Shape{1, 1, 5, 1, 1}}) {
    Graph graph;
    const Value y = apply("Conv", {input(graph, {2, 5, 4, 4}), weights(graph, {5, 5, 1, 1})});
    graph.mark_output((y * weights(graph, shape)).id);
    CHECK(after(kPass, graph).nodes().size() == 2);
  }
}

TEST_CASE("division by zero and by what varies is left alone", "[passes]") {
  Graph graph;
  const Value y = apply("Conv", {input(graph, {1, 2, 2, 2}), weights(graph, {2, 2, 1, 1})});
  graph.mark_output(apply("Equal", {y / constant(graph, Tensor::from<float>({2, 1, 1}, {0, 1})), y}).id);
  graph.mark_output(apply("Equal", {constant(graph, Tensor::from<float>({1}, {1})) / y, y}).id);
  Graph folded = graph;
  for (const Pass* const pass : all_passes())
    if (pass->name == kPass) CHECK(pass->run(folded).empty());
  CHECK(folded.nodes().size() == graph.nodes().size());
}

}  // namespace
}  // namespace dormouse::engine
