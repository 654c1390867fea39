#include <catch2/catch.hpp>

#include "engine/formats/atomic_file.h"
#include "engine/formats/onnx.h"
#include "engine/op.h"
#include "engine/value.h"
#include "tests/engine/damage.h"
#include "tests/engine/onnx_builder.h"

namespace dormouse::engine {
namespace {

using namespace onnx_builder;
using Catch::Contains;

Graph read(std::string_view file) { return read_onnx(buffer_of(file), "m.onnx"); }
std::string refused(std::string_view file) {
  return refusal([&] { read(file); });
}

const ValueInfo& value_called(const Graph& graph, std::string_view name) {
  const auto id = graph.find(name);
  REQUIRE(id);
  return graph.value(*id);
}

std::vector<float> constant(const Graph& graph, std::string_view name) {
  const auto values = value_called(graph, name).constant.value().values<float>();
  return {values.begin(), values.end()};
}

std::vector<std::string> operators(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes()) names.emplace_back(node.op->name);
  return names;
}

using Names = std::vector<std::string>;

const std::string kInOut = input("x", {-1, 2}) + output("y");

Graph small_model() {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, 3})};
  const Value weight{&graph, graph.add_constant("w", Tensor::from<float>({3, 2}, {1, 2, 3, 4, 5, 6}))};
  const Value hidden = relu(matmul(x, weight));
  const Value rows = softmax(hidden, 1);
  const Value back = reshape_to(rows, hidden);
  graph.rename(back.id, "y");
  graph.mark_output(back.id);
  graph.mark_output(reduce_sum(hidden, {0}, true).id);
  graph.metadata = {{"labels", "a,b"}, {"cut", "hidden"}};
  return graph;
}

void check_same(const Graph& a, const Graph& b) {
  REQUIRE(operators(a) == operators(b));
  CHECK(a.metadata == b.metadata);
  REQUIRE(a.inputs().size() == b.inputs().size());
  REQUIRE(a.outputs().size() == b.outputs().size());
  const auto same_value = [&](ValueId in_a, ValueId in_b) {
    const ValueInfo &left = a.value(in_a), &right = b.value(in_b);
    INFO(left.name);
    CHECK(left.name == right.name);
    CHECK(left.dtype == right.dtype);
    CHECK(left.shape == right.shape);
    REQUIRE(left.constant.has_value() == right.constant.has_value());
    if (left.constant) CHECK(std::ranges::equal(left.constant->bytes(), right.constant->bytes()));
  };
  for (std::size_t i = 0; i < a.inputs().size(); ++i) same_value(a.inputs()[i], b.inputs()[i]);
  for (std::size_t i = 0; i < a.outputs().size(); ++i) same_value(a.outputs()[i], b.outputs()[i]);
  for (std::size_t n = 0; n < a.nodes().size(); ++n) {
    const Node &left = a.nodes()[n], &right = b.nodes()[n];
    REQUIRE(left.inputs.size() == right.inputs.size());
    for (std::size_t i = 0; i < left.inputs.size(); ++i) same_value(left.inputs[i], right.inputs[i]);
    CHECK(left.attributes.entries().size() == right.attributes.entries().size());
  }
}

TEST_CASE("an ONNX file comes back as the graph that was written", "[formats]") {
  const ScratchFolder folder;
  const Graph written = small_model();
  write_onnx(written, folder.file("a.onnx"));
  const Graph back = read_onnx(folder.file("a.onnx"));
  check_same(written, back);
  write_onnx(back, folder.file("b.onnx"));
  CHECK(content_of(folder.file("a.onnx")) == content_of(folder.file("b.onnx")));
}

TEST_CASE("ONNX values without names of their own get unique ones", "[formats]") {
  const ScratchFolder folder;
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {2})};
  const Value y = x + 1.0;
  graph.rename(y.id, "x");
  graph.mark_output((y * 2.0).id);
  write_onnx(graph, folder.file("a.onnx"));
  CHECK(operators(read_onnx(folder.file("a.onnx"))) == Names{"Add", "Mul"});
}

TEST_CASE("ONNX weights are read in place where they are aligned", "[formats]") {
  const ScratchFolder folder;
  // Two bytes of padding in an unknown field after another put the floats on every alignment once.
  int in_place = 0;
  for (int padding = 0; padding < 4; ++padding) {
    const std::string pad = bytes(99, std::string(static_cast<std::size_t>(padding), 'x'));
    write_file(folder.file("a.onnx"),
               pad + model(kInOut + initialiser(floats("w", {2}, {3, 4})) + node("Add", {"x", "w"}, {"y"})));
    const Graph graph = read_onnx(folder.file("a.onnx"));
    CHECK(constant(graph, "w") == std::vector<float>{3, 4});
    in_place += !value_called(graph, "w").constant->buffer()->writable();
  }
  CHECK(in_place == 1);
}

TEST_CASE("ONNX tensors in typed fields are read", "[formats]") {
  const std::string reals = tensor("w", kFloat, {2}, bytes(4, raw({1.5f, -2.f})));
  CHECK(constant(read(model(kInOut + initialiser(reals) + node("Add", {"x", "w"}, {"y"}))), "w") ==
        std::vector<float>{1.5f, -2});
  const std::string unpacked = tensor("w", kFloat, {2}, real(4, 1.5f) + real(4, -2));
  CHECK(constant(read(model(kInOut + initialiser(unpacked) + node("Add", {"x", "w"}, {"y"}))), "w") ==
        std::vector<float>{1.5f, -2});
  const std::string shape = tensor("s", kInt64, {2}, bytes(7, varint(~0ull) + varint(2)));
  const Graph graph = read(model(kInOut + initialiser(shape) + node("Reshape", {"x", "s"}, {"y"})));
  CHECK(value_called(graph, "s").constant->values<std::int64_t>()[0] == -1);
}

TEST_CASE("ONNX weights listed as inputs are constants", "[formats]") {
  const Graph graph = read(model(kInOut + input("w", {2}) + initialiser(floats("w", {2}, {3, 4})) +
                                 node("Add", {"x", "w"}, {"y"})));
  CHECK(graph.inputs().size() == 1);
  CHECK(constant(graph, "w") == std::vector<float>{3, 4});
}

TEST_CASE("every form of an ONNX Constant is read", "[formats]") {
  const auto with = [](std::string_view form) {
    return read(model(kInOut + node("Constant", {}, {"w"}, form) + node("Add", {"x", "w"}, {"y"})));
  };
  CHECK(constant(with(attribute("value", 4, bytes(5, floats("", {2}, {1, 2})))), "w") ==
        std::vector<float>{1, 2});
  CHECK(constant(with(attribute("value_float", 1, real(2, 3))), "w") == std::vector<float>{3});
  CHECK(constant(with(attribute("value_floats", 6, real(7, 3) + real(7, 4))), "w") ==
        std::vector<float>{3, 4});
  CHECK_THAT(
      refused(model(kInOut + node("Constant", {}, {"y"}, attribute("value_string", 3, bytes(4, "a"))))),
      Contains("value_string"));
  const Graph ints =
      read(model(kInOut + node("Constant", {}, {"s"}, attribute("value_ints", Extents{-1, 2})) +
                 node("Reshape", {"x", "s"}, {"y"})));
  CHECK(value_called(ints, "s").shape == Shape{2});
}

TEST_CASE("ONNX dimensions with a name, without a value and of -1 are dynamic", "[formats]") {
  const std::string named =
      bytes(11, bytes(1, "x") +
                    bytes(2, bytes(1, number(1, kFloat) +
                                          bytes(2, bytes(1, bytes(2, "N")) + bytes(1, "") +
                                                       bytes(1, number(1, -1)) + bytes(1, number(1, 4))))));
  const Graph graph = read(model(named + output("y") + node("Relu", {"x"}, {"y"})));
  CHECK(value_called(graph, "y").shape == Shape{kDynamic, kDynamic, kDynamic, 4});
  CHECK_THAT(refused(model(input("x", {-2}) + output("y") + node("Relu", {"x"}, {"y"}))),
             Contains("dimension -2"));
}

TEST_CASE("ONNX metadata comes along", "[formats]") {
  const Graph graph =
      read(model(kInOut + node("Relu", {"x"}, {"y"}), 17, bytes(14, bytes(1, "k") + bytes(2, "v"))));
  CHECK(graph.metadata == std::vector<std::pair<std::string, std::string>>{{"k", "v"}});
}

TEST_CASE("ONNX nodes out of order are sorted", "[formats]") {
  const Graph graph = read(model(kInOut + node("Relu", {"t"}, {"y"}) + node("Sigmoid", {"x"}, {"t"})));
  CHECK(operators(graph) == Names{"Sigmoid", "Relu"});
}

TEST_CASE("ONNX optional outputs that nothing reads are left out", "[formats]") {
  const Graph graph = read(model(kInOut + node("Relu", {"x"}, {"y", "", "unused"})));
  CHECK(graph.nodes()[0].outputs.size() == 1);
  CHECK_THAT(refused(model(kInOut + node("Relu", {"x"}, {"t", "mask"}) + node("Add", {"t", "mask"}, {"y"}))),
             Contains("Relu"));
}

TEST_CASE("what is not supported says node, operator, opset and what to do", "[formats]") {
  const std::string unknown = refused(model(kInOut + node("Frobnicate", {"x"}, {"y"})));
  CHECK_THAT(unknown,
             Contains("m.onnx: node 0 'y' (Frobnicate)") && Contains("opset 17") && Contains("without it"));
  const std::string foreign = refused(model(kInOut + node("Relu", {"x"}, {"y"}, bytes(7, "com.example")), 17,
                                            bytes(8, bytes(1, "com.example") + number(2, 3))));
  CHECK_THAT(foreign, Contains("com.example, opset 3"));
  CHECK_THAT(refused(model(kInOut + node("Relu", {"x"}, {"y"}), 99)), Contains("opset 99"));
  CHECK_THAT(refused(model(kInOut + node("Relu", {"x"}, {"y"}, attribute("body", 5, bytes(6, ""))))),
             Contains("'body' is a graph"));
  const std::string text_input = bytes(11, bytes(1, "t") + bytes(2, bytes(1, number(1, 8) + bytes(2, ""))));
  CHECK_THAT(refused(model(kInOut + text_input + node("Relu", {"x"}, {"y"}))),
             Contains("'t': not a tensor of numbers"));
  CHECK_THAT(refused(model(bytes(11, bytes(1, "x") + bytes(2, bytes(1, number(1, kFloat)))) + output("y") +
                           node("Relu", {"x"}, {"y"}))),
             Contains("no shape"));
}

TEST_CASE("ONNX graphs that contradict themselves are refused with the place", "[formats]") {
  const std::string relu = node("Relu", {"x"}, {"y"});
  CHECK_THAT(refused(""), Contains("no graph"));
  CHECK_THAT(refused(model(kInOut + node("Relu", {"z"}, {"y"}))), Contains("'y' (Relu): nothing makes 'z'"));
  CHECK_THAT(refused(model(kInOut)), Contains("output: nothing makes 'y'"));
  CHECK_THAT(refused(model(kInOut + relu + relu)), Contains("node 1 'y' (Relu): 'y' is made twice"));
  CHECK_THAT(refused(model(kInOut + node("Add", {"x", "b"}, {"a"}) + node("Relu", {"a"}, {"b"}) + relu)),
             Contains("cycle"));
  CHECK_THAT(refused(model(kInOut + node("Relu", {"y"}, {"y"}))), Contains("cycle"));
  CHECK_THAT(refused(model(kInOut + input("x", {2}) + relu)), Contains("two inputs"));
  CHECK_THAT(refused(model(input("x", {2}) + bytes(12, value("y", kInt64, {2})) + relu)),
             Contains("said to be i64"));
  CHECK_THAT(refused(model(kInOut + relu) + bytes(7, "")), Contains("two graphs"));
  CHECK_THAT(refused(model(kInOut + node("Relu", {"x"}, {"y"}, attribute("a", 1) + attribute("a", 2)))),
             Contains("twice"));
  CHECK_THAT(refused(model(kInOut + node("Add", {"x"}, {"y"}))), Contains("Add"));
}

TEST_CASE("ONNX tensors that contradict themselves are refused with the name", "[formats]") {
  const auto with = [](const std::string& weight) {
    return refused(model(kInOut + initialiser(weight) + node("Add", {"x", "w"}, {"y"})));
  };
  CHECK(with(floats("w", {2}, {1, 2})).empty());
  CHECK_THAT(with(floats("w", {3}, {1, 2})), Contains("'w': 8 bytes for shape [3]"));
  CHECK_THAT(with(floats("w", {-2}, {1, 2})), Contains("impossible shape"));
  CHECK_THAT(with(floats("w", {1LL << 62, 1LL << 62}, {1, 2})), Contains("impossible shape"));
  CHECK_THAT(with(tensor("w", kFloat, {1LL << 40}, "")), Contains("0 elements for shape"));
  CHECK_THAT(with(tensor("w", kFloat, {2}, bytes(4, "12345"))), Contains("inside a number"));
  CHECK_THAT(with(tensor("w", 14, {2}, "")), Contains("element type 14"));
  CHECK_THAT(with(tensor("w", kFloat, Extents(100, 1), "")), Contains("100 dimensions"));
}

TEST_CASE("a damaged ONNX file never does more than fail", "[formats]") {
  const ScratchFolder folder;
  write_onnx(small_model(), folder.file("a.onnx"));
  const std::string file = content_of(folder.file("a.onnx"));
  survive_damage(file, file.size(), [](auto buffer) { read_onnx(std::move(buffer), "damaged"); });
}

}  // namespace
}  // namespace dormouse::engine
