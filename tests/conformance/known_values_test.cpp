// Values worked out by hand or taken from ONNX's specification, for the operators that are easy to get nearly
// right.

#include <catch2/catch.hpp>
#include <limits>

#include "engine/interpreter.h"
#include "tests/conformance/sample_graph.h"

namespace dormouse::engine::conformance {
namespace {

using Integers = std::vector<std::int64_t>;

// 0, 1, 2, …
Tensor counting(const Shape& shape, float first = 0) {
  Tensor result(DType::f32, shape);
  for (float& value : result.mutable_values<float>()) value = first++;
  return result;
}

Tensor filled(const Shape& shape, float value) {
  Tensor result(DType::f32, shape);
  for (float& element : result.mutable_values<float>()) element = value;
  return result;
}

Tensor list(const Integers& values) {
  return Tensor::from<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values);
}

Tensor run(std::string_view name, std::vector<Tensor> inputs, Attributes attributes = {}) {
  const Op* const op = find_op("", name);
  REQUIRE(op != nullptr);
  Graph graph;
  std::vector<ValueId> ids;
  for (const Tensor& input : inputs) ids.push_back(graph.add_constant("", input));
  graph.set_outputs(graph.add_node(*op, ids, std::move(attributes)));
  return interpret(graph, {})[0];
}

void check(const Tensor& got, const Shape& shape, const std::vector<double>& expected) {
  CHECK(to_string(got.shape()) == to_string(shape));
  const std::vector<double> values = as_doubles(got);
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    INFO("element " << i);
    CHECK(values[i] == Approx(expected[i]).margin(1e-5));
  }
}

}  // namespace

TEST_CASE("Conv with pads is ONNX's basic example", "[known]") {
  const Attributes padded{{"kernel_shape", Integers{3, 3}}, {"pads", Integers{1, 1, 1, 1}}};
  check(run("Conv", {counting({1, 1, 5, 5}), filled({1, 1, 3, 3}, 1)}, padded), {1, 1, 5, 5},
        {12,  21, 27, 33,  24,  33,  54,  63, 72,  51,  63,  99, 108,
         117, 81, 93, 144, 153, 162, 111, 72, 111, 117, 123, 84});
}

TEST_CASE("Conv with strides and one-sided pads is ONNX's example", "[known]") {
  const Attributes strided{{"pads", Integers{1, 0, 1, 0}}, {"strides", Integers{2, 2}}};
  check(run("Conv", {counting({1, 1, 7, 5}), filled({1, 1, 3, 3}, 1)}, strided), {1, 1, 4, 2},
        {21, 33, 99, 117, 189, 207, 171, 183});
}

TEST_CASE("Conv with SAME_LOWER pads more in front", "[known]") {
  const Attributes same{{"auto_pad", std::string("SAME_LOWER")}, {"strides", Integers{2, 2}}};
  check(run("Conv", {counting({1, 1, 5, 5}), filled({1, 1, 3, 3}, 1)}, same), {1, 1, 3, 3},
        {12, 27, 24, 63, 108, 81, 72, 117, 84});
  const Attributes lower{{"auto_pad", std::string("SAME_LOWER")}},
      upper{{"auto_pad", std::string("SAME_UPPER")}};
  check(run("Conv", {counting({1, 1, 3}, 1), filled({1, 1, 2}, 1)}, lower), {1, 1, 3}, {1, 3, 5});
  check(run("Conv", {counting({1, 1, 3}, 1), filled({1, 1, 2}, 1)}, upper), {1, 1, 3}, {3, 5, 3});
}

TEST_CASE("Conv with groups keeps channels apart", "[known]") {
  const Attributes depthwise{{"group", std::int64_t{2}}};
  check(run("Conv", {counting({1, 2, 3}), Tensor::from<float>({2, 1, 2}, {1, 1, 1, -1}), counting({2}, 10)},
            depthwise),
        {1, 2, 2}, {11, 13, 10, 10});
}

TEST_CASE("Conv with dilation skips elements", "[known]") {
  const Attributes dilated{{"dilations", Integers{2}}};
  check(run("Conv", {counting({1, 1, 5}), Tensor::from<float>({1, 1, 2}, {1, 10})}, dilated), {1, 1, 3},
        {20, 31, 42});
}

TEST_CASE("MaxPool with ceil_mode is ONNX's example", "[known]") {
  const Attributes ceil{
      {"kernel_shape", Integers{3, 3}}, {"strides", Integers{2, 2}}, {"ceil_mode", std::int64_t{1}}};
  check(run("MaxPool", {counting({1, 1, 4, 4}, 1)}, ceil), {1, 1, 2, 2}, {11, 12, 15, 16});
}

TEST_CASE("MaxPool with pads never picks the padding", "[known]") {
  const Attributes padded{{"kernel_shape", Integers{5, 5}}, {"pads", Integers{2, 2, 2, 2}}};
  check(run("MaxPool", {counting({1, 1, 5, 5}, 1)}, padded), {1, 1, 5, 5},
        {13, 14, 15, 15, 15, 18, 19, 20, 20, 20, 23, 24, 25, 25, 25, 23, 24, 25, 25, 25, 23, 24, 25, 25, 25});
  check(run("MaxPool", {filled({1, 1, 3}, -4)}, {{"kernel_shape", Integers{3}}, {"pads", Integers{1, 1}}}),
        {1, 1, 3}, {-4, -4, -4});
}

TEST_CASE("Reshape copies extents for 0 and works out -1", "[known]") {
  CHECK(run("Reshape", {counting({2, 3, 4}), list({2, 0, 1, -1})}).shape() == Shape{2, 3, 1, 4});
  CHECK(run("Reshape", {counting({2, 3, 4}), list({-1})}).shape() == Shape{24});
  CHECK(run("Reshape", {counting({1}), list({})}).shape() == Shape{});
  const Attributes literal{{"allowzero", std::int64_t{1}}};
  CHECK(run("Reshape", {counting({0, 3, 4}), list({3, 4, 0})}, literal).shape() == Shape{3, 4, 0});
  CHECK_THROWS_AS(run("Reshape", {counting({2, 3}), list({4, -1})}), Failure);
  CHECK_THROWS_AS(run("Reshape", {counting({2, 3}), list({-1, -1})}), Failure);
}

TEST_CASE("shapes broadcast from the last dimension", "[known]") {
  check(run("Add", {Tensor::from<float>({2, 1}, {10, 20}), Tensor::from<float>({3}, {1, 2, 3})}), {2, 3},
        {11, 12, 13, 21, 22, 23});
  check(run("Sub", {Tensor::scalar(1.0f), Tensor::from<float>({2}, {1, 2})}), {2}, {0, -1});
  CHECK(run("Mul", {filled({0, 2}, 1), filled({1, 2}, 1)}).shape() == Shape{0, 2});
  CHECK_THROWS_AS(run("Add", {counting({2}), counting({3})}), Failure);
}

TEST_CASE("integer arithmetic wraps around and never traps", "[known]") {
  constexpr std::int32_t lowest = std::numeric_limits<std::int32_t>::lowest();
  const Tensor a = Tensor::from<std::int32_t>({3}, {7, lowest, -7}),
               b = Tensor::from<std::int32_t>({3}, {0, -1, 2});
  check(run("Div", {a, b}), {3}, {0, lowest, -3});
  check(run("Sub", {a, Tensor::from<std::int32_t>({3}, {1, 1, 1})}), {3}, {6, 2147483647.0, -8});
}

TEST_CASE("Gemm transposes, scales and broadcasts C", "[known]") {
  const Attributes all{
      {"transA", std::int64_t{1}}, {"transB", std::int64_t{1}}, {"alpha", 2.0f}, {"beta", 0.5f}};
  const Tensor a = Tensor::from<float>({2, 1}, {1, 2}), b = Tensor::from<float>({2, 2}, {1, 2, 3, 4});
  check(run("Gemm", {a, b, Tensor::from<float>({2}, {10, 20})}, all), {1, 2}, {15, 32});
}

TEST_CASE("MatMul drops the dimension it lends to vectors", "[known]") {
  check(run("MatMul", {counting({2}), counting({2, 3})}), {3}, {3, 4, 5});
  check(run("MatMul", {counting({2, 2}), counting({2})}), {2}, {1, 3});
  check(run("MatMul", {counting({2}), counting({2})}), {}, {1});
}

TEST_CASE("Softmax survives large logits and rows of -infinity are its only NaN", "[known]") {
  check(run("Softmax", {Tensor::from<float>({1, 3}, {1000, 1000, -1000})}), {1, 3}, {0.5, 0.5, 0});
  check(run("LogSoftmax", {Tensor::from<float>({1, 2}, {1000, 0})}), {1, 2}, {0, -1000});
}

TEST_CASE("reductions follow keepdims and empty axes", "[known]") {
  const Attributes drop{{"keepdims", std::int64_t{0}}};
  check(run("ReduceSum", {counting({2, 3}), list({0})}, drop), {3}, {3, 5, 7});
  check(run("ReduceMean", {counting({2, 3}), list({-1})}), {2, 1}, {1, 4});
  check(run("ReduceMax", {counting({2, 3})}), {1, 1}, {5});
  check(run("ReduceSum", {counting({0, 2}), list({0})}, drop), {2}, {0, 0});
  CHECK_THROWS_AS(run("ReduceSum", {counting({2, 3}), list({2})}), Failure);
}

TEST_CASE("Cast saturates floats, truncates, and makes NaN 0", "[known]") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  check(run("Cast", {Tensor::from<float>({5}, {-1.7f, 1e9f, -1e9f, nan, 300})}, {{"to", std::int64_t{3}}}),
        {5}, {-1, 127, -128, 0, 127});
  check(run("Cast", {Tensor::from<float>({3}, {0, -0.5f, 2})}, {{"to", std::int64_t{9}}}), {3}, {0, 1, 1});
}

}  // namespace dormouse::engine::conformance
