#include <catch2/catch.hpp>
#include <cmath>

#include "engine/formats/onnx.h"
#include "engine/interpreter.h"
#include "tests/engine/damage.h"
#include "tests/engine/onnx_builder.h"

// What ONNX Runtime's own operators compute, by their definitions in its docs/ContribOperators.md.
namespace dormouse::engine {
namespace {

using namespace onnx_builder;
using Catch::Contains;
using Floats = std::vector<float>;

// A node field of the domain com.microsoft.
std::string fused(std::string_view op, Strings inputs, const std::string& attributes = "",
                  Strings outputs = {"y"}) {
  return node(op, inputs, outputs, attributes + bytes(7, "com.microsoft"));
}

std::string text_attribute(std::string_view name, std::string_view value) {
  return attribute(name, 3, bytes(4, value));
}
std::string real_attribute(std::string_view name, float value) { return attribute(name, 1, real(2, value)); }

std::string weights(std::string_view name, const Extents& extents, std::initializer_list<float> values) {
  return initialiser(floats(name, extents, values));
}
std::string bytes8(std::string_view name, const Extents& extents,
                   std::initializer_list<std::uint8_t> values) {
  return initialiser(tensor(name, 2, extents, bytes(9, raw(values))));
}

// The first output for x, of `shape`.
Tensor run(const std::string& graph, const Shape& shape, const Floats& x) {
  const std::string file = model(graph + input("x", shape.extents()) + output("y"));
  return interpret(read_onnx(buffer_of(file), "m.onnx"), std::vector{Tensor::from<float>(shape, x)})[0];
}

void check(const Tensor& got, const Floats& expected, double margin = 1e-5) {
  const auto values = got.values<float>();
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("element " << i);
    CHECK(static_cast<double>(values[i]) == Approx(static_cast<double>(expected[i])).margin(margin));
  }
}

}  // namespace

TEST_CASE("a fused product transposes and scales", "[formats]") {
  const std::string graph =
      weights("w", {2, 3}, {1, 0, 2, 0, 1, 3}) +
      fused("FusedMatMul", {"x", "w"}, attribute("transB", 1) + real_attribute("alpha", 0.5f));
  check(run(graph, {1, 3}, {1, 2, 3}), {3.5f, 5.5f});
}

TEST_CASE("a fused convolution adds and activates", "[formats]") {
  const std::string parts =
      weights("w", {1, 1, 1}, {2}) + weights("b", {1}, {-3}) + weights("z", {1, 1, 3}, {0, 0, 1});
  const auto y = [&](const std::string& activation) {
    return run(parts + fused("FusedConv", {"x", "w", "b", "z"}, text_attribute("activation", activation)),
               {1, 1, 3}, {1, 2, -1});
  };
  check(y("Relu"), {0, 1, 0});
  check(y("LeakyRelu"), {-0.01f, 1, -0.04f});
  CHECK_THROWS_WITH(y("Softsign"), Contains("activation Softsign"));
}

TEST_CASE("quantised sums and means are those of what the numbers stand for", "[formats]") {
  const std::string parts = weights("s", {}, {0.5f}) + bytes8("z", {}, {128}) + weights("t", {}, {1}) +
                            bytes8("o", {}, {10}) + bytes8("b", {1, 1, 3}, {0, 10, 20}) +
                            node("QuantizeLinear", {"x", "s", "z"}, {"q"}) +
                            node("DequantizeLinear", {"r", "s", "z"}, {"y"});
  // b stands for -10, 0, 10; 73 is more than the result can hold.
  check(run(parts + fused("QLinearAdd", {"q", "s", "z", "b", "t", "o", "s", "z"}, "", {"r"}), {1, 1, 3},
            {1, 0.5f, 63}),
        {-9, 0.5f, 63.5f});
  check(run(parts + fused("QLinearMul", {"q", "s", "z", "b", "t", "o", "s", "z"}, "", {"r"}), {1, 1, 3},
            {1, 0.5f, 3}),
        {-10, 0, 30});
  check(run(parts + fused("QLinearGlobalAveragePool", {"q", "s", "z", "s", "z"}, "", {"r"}), {1, 1, 3},
            {1, 2, 6}),
        {3});
  check(run(parts +
                fused("QLinearConcat", {"s", "z", "q", "s", "z", "b", "t", "o"}, attribute("axis", 2), {"r"}),
            {1, 1, 3}, {1, 2, 3}),
        {1, 2, 3, -10, 0, 10});
}

TEST_CASE("a dynamically quantised product is near the exact one", "[formats]") {
  const std::string graph = weights("s", {2}, {0.5f, 0.25f}) + bytes8("z", {2}, {2, 0}) +
                            weights("b", {2}, {10, 20}) + bytes8("w", {2, 2}, {4, 8, 2, 4}) +
                            fused("DynamicQuantizeMatMul", {"x", "w", "s", "z", "b"});
  // w stands for [[1, 2], [0, 1]].
  check(run(graph, {1, 2}, {1, -2}), {11, 20}, 0.03);
}

TEST_CASE("normalisations add what is skipped first", "[formats]") {
  const std::string scale = weights("g", {2}, {1, 2}) + weights("s", {1, 2}, {2, -1});
  const float r = 1 / std::sqrt(5.0f);  // of the sum (3, 1)
  check(run(scale + fused("SkipSimplifiedLayerNormalization", {"x", "s", "g"}), {1, 2}, {1, 2}),
        {3 * r, 2 * r});
  check(run(scale + node("SimplifiedLayerNormalization", {"x", "g"}, {"y"}), {1, 2}, {3, 1}), {3 * r, 2 * r});
  check(run(scale + fused("SkipLayerNormalization", {"x", "s", "g"}), {1, 2}, {1, 2}), {1, -2});
}

TEST_CASE("attention mixes values by its scores, head by head, and not what is masked", "[formats]") {
  // Two tokens, two heads of width 1: q = k = x and v = 2·x + 1 in the first, v = -x in the second.
  const std::string parts = weights("w", {1, 6}, {1, 1, 1, 1, 2, -1}) + weights("b", {6}, {0, 0, 0, 0, 1, 0});
  const auto share = [](float q) { return 1 / (1 + std::exp(q * 1 - q * 2)); };  // of token 2
  const auto first = [&](float q) { return 3 * (1 - share(q)) + 5 * share(q); };
  const auto second = [&](float q) { return -1 * (1 - share(q)) - 2 * share(q); };
  const std::string heads = attribute("num_heads", 2);
  check(run(parts + fused("Attention", {"x", "w", "b"}, heads), {1, 2, 1}, {1, 2}),
        {first(1), second(1), first(2), second(2)});
  const std::string mask = initialiser(tensor("m", kInt32, {1, 2}, bytes(9, raw<std::int32_t>({1, 0}))));
  check(run(parts + mask + fused("Attention", {"x", "w", "b", "m"}, heads), {1, 2, 1}, {1, 2}),
        {3, -1, 3, -1});
  CHECK_THROWS_WITH(run(parts + fused("Attention", {"x", "w", "b"}, heads + attribute("unidirectional", 1)),
                        {1, 2, 1}, {1, 2}),
                    Contains("unidirectional"));
  CHECK_THROWS_WITH(run(parts + fused("Attention", {"x", "w"}, attribute("num_heads", 4)), {1, 2, 1}, {1, 2}),
                    Contains("num_heads"));
}

TEST_CASE("an operator of com.microsoft that is not known is refused by name", "[formats]") {
  CHECK_THROWS_WITH(run(fused("NoSuchThing", {"x"}), {1}, {1}),
                    Contains("NoSuchThing") && Contains("com.microsoft"));
}

}  // namespace dormouse::engine
