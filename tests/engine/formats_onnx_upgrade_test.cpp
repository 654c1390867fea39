#include <catch2/catch.hpp>

#include "engine/formats/onnx_upgrade.h"

namespace dormouse::engine {
namespace {

using Catch::Contains;

OnnxNode node(std::string op, std::int64_t opset, std::vector<std::string> inputs, Attributes attributes) {
  return {.name = "n",
          .op_type = std::move(op),
          .domain = "",
          .inputs = std::move(inputs),
          .outputs = {"y"},
          .attributes = std::move(attributes),
          .where = "node n",
          .opset = opset};
}

std::vector<OnnxNode> upgraded(OnnxNode old, std::optional<Shape> x = Shape{2, 3, 4},
                               DType type = DType::f32) {
  const ValueInfo first{
      .name = "x", .dtype = type, .shape = x.value_or(Shape{}), .shape_known = x.has_value(), .constant = {}};
  const ValueInfo second{.name = "b", .dtype = type, .shape = {3}, .shape_known = true, .constant = {}};
  return upgrade(std::move(old), [&](const std::string& name) {
    return name == "x" ? &first : name == "b" ? &second : nullptr;
  });
}

const Tensor& constant(const OnnxNode& node) {
  REQUIRE(node.op_type == "Constant");
  return *node.attributes.find<Tensor>("value");
}

using Integers = std::vector<std::int64_t>;

Integers integers(const Tensor& tensor) {
  const auto values = tensor.values<std::int64_t>();
  return {values.begin(), values.end()};
}

TEST_CASE("attributes that became inputs are inputs", "[formats]") {
  const auto nodes = upgraded(node("Squeeze", 11, {"x"}, {{"axes", Integers{1, 2}}}));
  REQUIRE(nodes.size() == 2);
  CHECK(integers(constant(nodes[0])) == Integers{1, 2});
  CHECK(nodes[1].inputs == std::vector<std::string>{"x", nodes[0].outputs[0]});
  CHECK_FALSE(nodes[1].attributes.has("axes"));
  CHECK(nodes[1].opset >= 13);
}

TEST_CASE("a bound of an old Clip takes its input's type, a missing one stays away", "[formats]") {
  const auto nodes = upgraded(node("Clip", 6, {"x"}, {{"max", 6.0f}}), Shape{1}, DType::f64);
  REQUIRE(nodes.size() == 2);
  CHECK(constant(nodes[0]).values<double>()[0] == 6);
  CHECK(nodes[1].inputs == std::vector<std::string>{"x", "", nodes[0].outputs[0]});
}

TEST_CASE("today's forms stay as they are", "[formats]") {
  const auto nodes = upgraded(node("ReduceMean", 18, {"x", "b"}, {{"keepdims", std::int64_t{0}}}));
  REQUIRE(nodes.size() == 1);
  CHECK(nodes[0].attributes.has("keepdims"));
}

TEST_CASE("an old softmax over inner axes goes through a matrix", "[formats]") {
  const auto nodes = upgraded(node("Softmax", 11, {"x"}, {}));
  REQUIRE(nodes.size() == 3);
  CHECK(nodes[0].op_type == "Flatten");
  CHECK(nodes[0].attributes.integer("axis", 0) == 1);
  CHECK(nodes[1].op_type == "Softmax");
  CHECK(nodes[2].op_type == "ReshapeTo");
  CHECK(nodes[2].outputs == std::vector<std::string>{"y"});
}

TEST_CASE("an old softmax over the last axis keeps its axis", "[formats]") {
  const auto by_default = upgraded(node("LogSoftmax", 11, {"x"}, {}), Shape{2, 3});
  REQUIRE(by_default.size() == 1);
  CHECK(by_default[0].attributes.integer("axis", -1) == 1);
  CHECK(upgraded(node("Softmax", 11, {"x"}, {{"axis", std::int64_t{2}}})).size() == 1);
}

TEST_CASE("an old softmax of an input of unknown rank goes through a matrix", "[formats]") {
  CHECK(upgraded(node("Softmax", 11, {"x"}, {}), std::nullopt).size() == 3);
}

TEST_CASE("an old addition along an axis reshapes its second input", "[formats]") {
  const auto nodes =
      upgraded(node("Add", 6, {"x", "b"}, {{"broadcast", std::int64_t{1}}, {"axis", std::int64_t{1}}}));
  REQUIRE(nodes.size() == 3);
  CHECK(integers(constant(nodes[0])) == Integers{3, 1});
  CHECK(nodes[1].op_type == "Reshape");
  CHECK(nodes[2].inputs[1] == nodes[1].outputs[0]);
  CHECK(nodes[2].attributes.entries().empty());
  CHECK(nodes[2].opset >= 7);
}

TEST_CASE("the first Upsample names the scales of height and width", "[formats]") {
  const auto nodes =
      upgraded(node("Upsample", 1, {"x"},
                    {{"height_scale", 2.0f}, {"width_scale", 3.0f}, {"mode", std::string("bilinear")}}));
  REQUIRE(nodes.size() == 2);
  const auto scales = constant(nodes[0]).values<float>();
  CHECK(std::vector<float>(scales.begin(), scales.end()) == std::vector<float>{1, 1, 2, 3});
  CHECK(nodes[1].op_type == "Resize");
  CHECK(nodes[1].inputs == std::vector<std::string>{"x", "", nodes[0].outputs[0]});
  CHECK(nodes[1].attributes.get<std::string>("mode", "") == "linear");
}

TEST_CASE("Scatter goes by its newer name", "[formats]") {
  const auto nodes = upgraded(node("Scatter", 9, {"x", "i", "b"}, {}));
  REQUIRE(nodes.size() == 1);
  CHECK(nodes[0].op_type == "ScatterElements");
  CHECK(nodes[0].opset >= 11);
}

TEST_CASE("an old operator in training mode is refused", "[formats]") {
  CHECK_THROWS_WITH(upgraded(node("Dropout", 6, {"x"}, {{"is_test", std::int64_t{0}}})),
                    Contains("training mode"));
}

}  // namespace
}  // namespace dormouse::engine
