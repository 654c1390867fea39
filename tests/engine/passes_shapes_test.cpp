// Arithmetic on shapes that is known before the input is, and padding that convolutions do themselves.

#include "tests/engine/passes_check.h"

namespace dormouse::engine {
namespace {

using namespace passes_check;
using Integers = std::vector<std::int64_t>;

constexpr std::string_view kPass = "shape folding", kPads = "pad folding";

Value shape_of(Value x) { return apply("Shape", {x}); }
Value picked(Value shape, std::int64_t axis) {
  return apply("Gather", {shape, integers(*shape.graph, {axis})});
}
Value concat(Value a, Value b, Value c) { return apply("Concat", {a, b, c}, {{"axis", std::int64_t{0}}}); }

TEST_CASE("shapes computed from known extents vanish, though the batch is open", "[passes]") {
  Graph graph;
  const Value x = input(graph, {kDynamic, 6, 4});
  const Value scalar = apply("Gather", {shape_of(x), constant(graph, Tensor::scalar<std::int64_t>(1))});
  const Value rows = apply("Unsqueeze", {scalar, integers(graph, {0})});
  graph.mark_output(apply("Reshape", {x, concat(integers(graph, {-1}), integers(graph, {2}), rows)}).id);
  const Graph folded = after(kPass, graph, {{3, 6, 4}});
  CHECK(folded.nodes().size() == 1);
}

TEST_CASE("an open extent of a Reshape becomes -1, or 0 where it keeps its place", "[passes]") {
  Graph graph;
  const Value x = input(graph, {kDynamic, kDynamic, 8});
  const Value shape = shape_of(x);
  const Value wanted = concat(picked(shape, 0), picked(shape, 1), integers(graph, {2, 4}));
  graph.mark_output(apply("Reshape", {x, wanted}).id);
  const Value moved = concat(integers(graph, {2}), picked(shape, 1), integers(graph, {4, 3}));
  graph.mark_output(apply("Reshape", {x, moved}).id);
  const Graph folded = after(kPass, graph, {{3, 5, 8}});
  CHECK(folded.nodes().size() == 2);
  CHECK(folded.value(folded.outputs()[0]).shape == Shape{kDynamic, kDynamic, 2, 4});
}

TEST_CASE("slices of shapes are read too", "[passes]") {
  Graph graph;
  const Value x = input(graph, {kDynamic, 6, 4});
  const Value last =
      apply("Slice", {shape_of(x), integers(graph, {-2}), integers(graph, {99}), integers(graph, {0})});
  graph.mark_output(cast(last, DType::f32).id);
  CHECK(after(kPass, graph, {{3, 6, 4}}).nodes().size() == 1);
}

TEST_CASE("what follows from open extents is left to the run", "[passes]") {
  Graph graph;  // two open extents change places
  const Value x = input(graph, {kDynamic, kDynamic, 2});
  const Value shape = shape_of(x);
  graph.mark_output(
      apply("Reshape", {x, concat(picked(shape, 1), picked(shape, 0), integers(graph, {2}))}).id);
  CHECK(count(after(kPass, graph, {{3, 5, 2}}), "Concat") == 1);
  Graph product;
  const Value y = input(product, {kDynamic, 3});
  product.mark_output(cast(picked(shape_of(y), 0) * integers(product, {2}), DType::f32).id);
  CHECK(count(after(kPass, product, {{4, 3}}), "Mul") == 1);
}

Value padded(Value x, Integers pads) { return apply("Pad", {x, integers(*x.graph, std::move(pads))}); }

TEST_CASE("zeros around an image go into the convolution", "[passes]") {
  Graph graph;
  const Value x = input(graph, {1, 2, kDynamic, 6});
  const Value y = padded(x, {0, 0, 1, 0, 0, 0, 2, 3});
  graph.mark_output(apply("Conv", {y, weights(graph, {3, 2, 3, 3})}, {{"pads", Integers{1, 1, 0, 0}}}).id);
  CHECK(after(kPads, graph, {{1, 2, 5, 6}}).nodes().size() == 1);
}

TEST_CASE("other padding stays", "[passes]") {
  const auto stays = [](const char* what, auto pad, Attributes attributes = {}) {
    INFO(what);
    Graph graph;
    const Value y = pad(input(graph, {1, 2, 5, 6}));
    const std::int64_t channels = y.shape()[1];
    graph.mark_output(apply("Conv", {y, weights(graph, {3, channels, 3, 3})}, std::move(attributes)).id);
    CHECK(after(kPads, graph).nodes().size() == 2);
  };
  const Integers around{0, 0, 1, 1, 0, 0, 1, 1};
  stays("of channels", [](Value x) { return padded(x, {0, 1, 0, 0, 0, 0, 0, 0}); });
  stays("that cuts", [](Value x) { return padded(x, {0, 0, -1, 0, 0, 0, 0, 0}); });
  stays("by ones", [&](Value x) { return apply("Pad", {x, integers(*x.graph, around), scalar_like(x, 1)}); });
  stays("by reflection", [&](Value x) {
    return apply("Pad", {x, integers(*x.graph, around)}, {{"mode", std::string("reflect")}});
  });
  stays("beside automatic padding", [&](Value x) { return padded(x, around); },
        {{"auto_pad", std::string("SAME_UPPER")}});
  Graph shared;
  const Value y = padded(input(shared, {1, 2, 5, 6}), around);
  shared.mark_output(apply("Conv", {y, weights(shared, {3, 2, 3, 3})}).id);
  shared.mark_output(relu(y).id);
  CHECK(count(after(kPads, shared), "Pad") == 1);
}

}  // namespace
}  // namespace dormouse::engine
