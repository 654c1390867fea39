// Values worked out by hand or taken from ONNX's specification, for the operators that are easy to get nearly
// right.

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "engine/autodiff.h"
#include "engine/interpreter.h"
#include "engine/value.h"
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

TEST_CASE("a label that is no class makes its loss NaN, one that is ignored none", "[known]") {
  const Tensor log_p = Tensor::from<float>({3, 2}, {-1, -2, -3, -4, -5, -6});
  const Attributes each{{"reduction", std::string("none")}, {"ignore_index", std::int64_t{-1}}};
  const Tensor losses = run("NegativeLogLikelihoodLoss", {log_p, list({1, -1, 7})}, each);
  CHECK(losses.values<float>()[0] == 2);
  CHECK(losses.values<float>()[1] == 0);
  CHECK(std::isnan(losses.values<float>()[2]));
}

TEST_CASE("the gradient of a product is the product of the others, zeros or not", "[known]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, Shape{3, 3})};
  const Value products = apply("ReduceProd", {x}, {{"axes", Integers{1}}, {"keepdims", std::int64_t{0}}});
  graph.set_outputs(differentiate(graph, reduce_sum(products, {0}, false).id, std::array{x.id}));
  const Tensor rows = Tensor::from<float>({3, 3}, {2, 3, 4, 2, 0, 4, 0, 5, 0});
  check(interpret(graph, std::array{rows})[0], {3, 3}, {12, 8, 6, 0, 8, 0, 0, 0, 0});
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

TEST_CASE("Slice counts negative bounds from the end and clamps what is beyond", "[known]") {
  const Tensor x = counting({2, 4}, 1);
  check(run("Slice", {x, list({1, 0}), list({2, 3}), list({0, 1}), list({1, 2})}), {1, 2}, {5, 7});
  check(run("Slice", {x, list({0, 1}), list({-1, 1000})}), {1, 3}, {2, 3, 4});
  check(run("Slice", {counting({5}), list({-1}), list({INT64_MIN}), list({0}), list({-2})}), {3}, {4, 2, 0});
  CHECK(run("Slice", {counting({5}), list({1000}), list({1000})}).shape() == Shape{0});
  check(run("Slice", {counting({5}), list({4}), list({INT64_MAX}), list({0}), list({INT64_MAX})}), {1}, {4});
  check(run("Slice", {counting({5}), list({2}), list({INT64_MIN}), list({0}), list({INT64_MIN})}), {1}, {2});
  CHECK_THROWS_AS(run("Slice", {counting({5}), list({0}), list({5}), list({0}), list({0})}), Failure);
}

TEST_CASE("AveragePool counts padding only when told to", "[known]") {
  Attributes padded{{"kernel_shape", Integers{3}}, {"pads", Integers{1, 1}}};
  check(run("AveragePool", {counting({1, 1, 3}, 1)}, padded), {1, 1, 3}, {1.5, 2, 2.5});
  padded.set("count_include_pad", std::int64_t{1});
  check(run("AveragePool", {counting({1, 1, 3}, 1)}, padded), {1, 1, 3}, {1, 2, 5.0 / 3});
  const Attributes ceil{
      {"kernel_shape", Integers{3, 3}}, {"strides", Integers{2, 2}}, {"ceil_mode", std::int64_t{1}}};
  check(run("AveragePool", {counting({1, 1, 4, 4}, 1)}, ceil), {1, 1, 2, 2}, {6, 7.5, 12, 13.5});
}

TEST_CASE("Gather takes negative indices, and zeros for those found to be outside while running", "[known]") {
  check(run("Gather", {counting({3, 2}), list({-1, 0})}), {2, 2}, {4, 5, 0, 1});
  check(run("Gather", {counting({2, 3}), Tensor::scalar<std::int64_t>(1)}, {{"axis", std::int64_t{1}}}), {2},
        {1, 4});
  CHECK_THROWS_AS(run("Gather", {counting({3, 2}), list({3})}), Failure);
  const Tensor data = counting({2}, 5), indices = list({1, 7, -9});
  Tensor out(DType::f32, {3});
  const auto view = [](const Tensor& tensor) {
    return View{tensor.dtype(), &tensor.shape(), const_cast<std::byte*>(tensor.data())};
  };
  const View inputs[] = {view(data), view(indices)}, outputs[] = {view(out)};
  const Attributes none;
  find_op("", "Gather")->kernel_for(DType::f32)({inputs, outputs, none, {}});
  check(out, {3}, {6, 0, 0});
}

TEST_CASE("Pad fills, reflects, repeats edges and crops", "[known]") {
  const Tensor x = counting({3}, 1);
  check(run("Pad", {x, list({2, 1}), Tensor::scalar(9.0f)}), {6}, {9, 9, 1, 2, 3, 9});
  check(run("Pad", {x, list({-1, 1})}), {3}, {2, 3, 0});
  check(run("Pad", {x, list({2, 2})}, {{"mode", std::string("reflect")}}), {7}, {3, 2, 1, 2, 3, 2, 1});
  check(run("Pad", {x, list({1, 2})}, {{"mode", std::string("edge")}}), {6}, {1, 1, 2, 3, 3, 3});
  check(run("Pad", {x, list({4, 2})}, {{"mode", std::string("wrap")}}), {9}, {3, 1, 2, 3, 1, 2, 3, 1, 2});
  CHECK_THROWS_AS(run("Pad", {x, list({3, 0})}, {{"mode", std::string("reflect")}}), Failure);
  CHECK_THROWS_AS(run("Pad", {x, list({-4, 0})}), Failure);
}

TEST_CASE("operators whose shape depends on data find it", "[known]") {
  check(run("NonZero", {Tensor::from<float>({2, 2}, {1, 0, 1, 1})}), {2, 3}, {0, 1, 1, 0, 0, 1});
  check(run("ConstantOfShape", {list({2})}, {{"value", Tensor::from<float>({1}, {3})}}), {2}, {3, 3});
  check(run("Shape", {counting({2, 3, 4})}, {{"start", std::int64_t{-2}}}), {2}, {3, 4});
  check(run("Expand", {counting({2, 1}), list({3})}), {2, 3}, {0, 0, 0, 1, 1, 1});
  CHECK_THROWS_AS(run("ConstantOfShape", {list({1 << 20, 1 << 20})}), Failure);
  CHECK_THROWS_AS(run("Expand", {counting({1}), list({INT64_MAX, INT64_MAX})}), Failure);
}

TEST_CASE("ArgMax takes the first of equals, or the last when told to", "[known]") {
  const Tensor x = Tensor::from<float>({2, 3}, {1, 3, 3, 2, 0, 2});
  check(run("ArgMax", {x}, {{"axis", std::int64_t{1}}}), {2, 1}, {1, 0});
  check(run("ArgMax", {x}, {{"axis", std::int64_t{1}}, {"select_last_index", std::int64_t{1}}}), {2, 1},
        {2, 2});
  check(run("ArgMax", {x}, {{"keepdims", std::int64_t{0}}}), {3}, {1, 0, 0});
}

TEST_CASE("Resize with antialias is ONNX's example", "[known]") {
  const Tensor none = Tensor::from<float>({0}, {}), x = counting({1, 1, 4, 4}, 1);
  const auto resized = [&](const std::string& mode) {
    return run("Resize", {x, none, none, list({1, 1, 3, 3})},
               {{"mode", mode}, {"antialias", std::int64_t{1}}});
  };
  check(resized("linear"), {1, 1, 3, 3},
        {2.3636363, 3.590909, 4.818182, 7.2727275, 8.5, 9.727273, 12.181818, 13.409091, 14.636364});
  check(resized("cubic"), {1, 1, 3, 3},
        {1.7750092, 3.1200073, 4.4650054, 7.1550016, 8.5, 9.844998, 12.534994, 13.8799925, 15.224991});
}

TEST_CASE("Resize keeps the aspect ratio when told to", "[known]") {
  const Tensor none = Tensor::from<float>({0}, {}), x = counting({2, 4});
  const auto shape = [&](const std::string& policy) {
    return run("Resize", {x, none, none, list({6, 6})}, {{"keep_aspect_ratio_policy", policy}}).shape();
  };
  CHECK(shape("stretch") == Shape{6, 6});
  CHECK(shape("not_larger") == Shape{3, 6});
  CHECK(shape("not_smaller") == Shape{6, 12});
}

TEST_CASE("TopK orders equals by their place and NaN above all", "[known]") {
  const Tensor x = Tensor::from<float>({5}, {1, std::numeric_limits<float>::quiet_NaN(), 3, 3, 2});
  const Tensor greatest = run("TopK", {x, list({4})});
  const auto top = greatest.values<float>();
  CHECK(std::isnan(top[0]));
  CHECK(std::vector<float>(top.begin() + 1, top.end()) == std::vector<float>{3, 3, 2});
  const Tensor least = run("TopK", {x, list({2})}, {{"largest", std::int64_t{0}}});
  check(least, {2}, {1, 2});
}

TEST_CASE("Pow takes exponents of another type", "[known]") {
  check(run("Pow", {Tensor::from<float>({3}, {1, 2, 3}), Tensor::from<std::int64_t>({3}, {4, 5, 2})}), {3},
        {1, 32, 9});
  check(run("Pow", {Tensor::from<std::int32_t>({2}, {2, 10}), Tensor::from<float>({2}, {-1, 30})}), {2},
        {0, 2147483647.0});
  const Tensor base = Tensor::from<float>({2}, {3, 0.25f}), halves = base.as(DType::f16),
               exponent = Tensor::from<float>({2}, {2, -0.5f});
  for (const DType type : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
    check(run("Pow", {base, exponent.as(type)}), {2}, {9, 2});
    const Tensor made = run("Pow", {halves, exponent.as(type)});
    CHECK(made.dtype() == DType::f16);
    check(made.as(DType::f32), {2}, {9, 2});
  }
  for (const DType type : {DType::i8, DType::u8, DType::i16, DType::u16, DType::i32, DType::u32, DType::u64})
    check(run("Pow", {base, Tensor::from<float>({2}, {2, 1}).as(type)}), {2}, {9, 0.25});
}

}  // namespace dormouse::engine::conformance
