#include <array>
#include <catch2/catch.hpp>

#include "engine/formats/onnx.h"
#include "engine/interpreter.h"
#include "engine/passes/pass.h"
#include "engine/session.h"
#include "tests/engine/damage.h"
#include "tests/engine/onnx_builder.h"

namespace dormouse::engine {
namespace {

using namespace onnx_builder;
using Catch::Contains;

constexpr std::int64_t kBool = 9;

Graph read(const std::string& file) { return read_onnx(buffer_of(file), "m.onnx"); }

std::string refused(const std::string& file) {
  return refusal([&] { read(file); });
}

std::string typed_input(std::string_view name, std::int64_t type, const Extents& extents) {
  return bytes(11, value(name, type, extents));
}

std::string subgraph(std::string_view name, std::string_view graph) {
  return attribute(name, 5, bytes(6, graph));
}

std::string integer(std::string_view name, std::int64_t value) {
  return initialiser(tensor(name, kInt64, {}, number(7, value)));
}

std::vector<float> numbers(const Tensor& tensor) {
  const auto values = tensor.values<float>();
  return {values.begin(), values.end()};
}

Tensor vector(std::initializer_list<float> values) {
  return Tensor::from<float>({static_cast<std::int64_t>(values.size())}, values);
}

// Both ways of running must agree.
std::vector<Tensor> run(const Graph& graph, const std::vector<Tensor>& inputs) {
  const std::vector<Tensor> expected = interpret(graph, inputs), got = Session(graph, {}).run(inputs);
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    REQUIRE(got[i].shape() == expected[i].shape());
    CHECK(std::ranges::equal(got[i].bytes(), expected[i].bytes()));
  }
  return got;
}

// y = c ? (x + w) · (d ? 2·x : −x) : x, where every inner name is captured.
std::string nested_if() {
  const std::string twice = node("Add", {"x", "x"}, {"p"}) + output("p");
  const std::string minus = node("Neg", {"x"}, {"p"}) + output("p");
  const std::string then =
      node("Add", {"x", "w"}, {"s"}) +
      node("If", {"d"}, {"f"}, subgraph("then_branch", twice) + subgraph("else_branch", minus)) +
      node("Mul", {"s", "f"}, {"t"}) + output("t");
  const std::string other = node("Identity", {"x"}, {"t"}) + output("t");
  return input("x", {-1}) + typed_input("c", kBool, {}) + typed_input("d", kBool, {}) + output("y") +
         initialiser(floats("w", {1}, {10})) +
         node("If", {"c"}, {"y"}, subgraph("then_branch", then) + subgraph("else_branch", other));
}

}  // namespace

TEST_CASE("subgraphs are written with what they capture", "[control]") {
  const ScratchFolder folder;
  const Graph graph = read(model(nested_if()));
  write_onnx(graph, folder.file("a.onnx"));
  const Graph back = read_onnx(folder.file("a.onnx"));
  for (const bool c : {false, true}) {
    for (const bool d : {false, true}) {
      const std::vector<Tensor> inputs{vector({1, 2}), Tensor::scalar(c), Tensor::scalar(d)};
      CHECK(numbers(run(back, inputs)[0]) == numbers(run(graph, inputs)[0]));
    }
  }
}

TEST_CASE("If runs the branch its condition names, with what it captures", "[control]") {
  const Graph graph = read(model(nested_if()));
  const auto y = [&](bool c, bool d) {
    return numbers(run(graph, {vector({1, 2}), Tensor::scalar(c), Tensor::scalar(d)})[0]);
  };
  CHECK(y(true, true) == std::vector<float>{22, 48});
  CHECK(y(true, false) == std::vector<float>{-11, -24});
  CHECK(y(false, true) == std::vector<float>{1, 2});
  CHECK(graph.value(graph.outputs()[0]).shape == Shape{kDynamic});
}

TEST_CASE("of an If whose condition is known only the branch is left", "[control]") {
  Graph graph = read(model(nested_if()));
  Graph known =
      extract(graph, std::array{graph.inputs()[0], graph.inputs()[1], graph.inputs()[2]}, graph.outputs());
  Graph fixed;
  const ValueId x = fixed.add_input("x", DType::f32, {kDynamic});
  const ValueId c = fixed.add_constant("c", Tensor::scalar(true)),
                d = fixed.add_constant("d", Tensor::scalar(false));
  const Node& outer = known.nodes()[0];
  std::vector<ValueId> inputs;
  for (const ValueId id : outer.inputs) {
    const std::string& name = known.value(id).name;
    inputs.push_back(name == "x" ? x : name == "c" ? c : d);
  }
  fixed.mark_output(fixed.add_node(*outer.op, inputs, outer.attributes, {"y"})[0]);
  optimise(fixed);
  for (const Node& node : fixed.nodes()) CHECK(node.op->control == nullptr);
  CHECK(fixed.value(fixed.outputs()[0]).name == "y");
  CHECK(numbers(run(fixed, {vector({1, 2})})[0]) == std::vector<float>{-11, -24});
}

TEST_CASE("a condition on shapes is known once the inputs' shapes are", "[control]") {
  const std::string branch = node("Exp", {"x"}, {"t"}) + output("t"),
                    other = node("Neg", {"x"}, {"t"}) + output("t");
  const Graph graph =
      read(model(input("x", {-1, -1}) + output("y") + initialiser(tensor("i", kInt64, {}, number(7, 1))) +
                 integer("three", 3) + node("Shape", {"x"}, {"s"}) + node("Gather", {"s", "i"}, {"n"}) +
                 node("Equal", {"n", "three"}, {"c"}) +
                 node("If", {"c"}, {"y"}, subgraph("then_branch", branch) + subgraph("else_branch", other))));
  const Session session(graph, {});
  const std::array three{Tensor(DType::f32, {2, 3})}, two{Tensor(DType::f32, {2, 2})};
  CHECK(session.run(three)[0].values<float>()[0] == 1);
  CHECK(session.run(two)[0].values<float>()[0] == 0);
  CHECK(session.placement(three) == std::vector<std::pair<std::string, std::size_t>>{{"reference", 2}});
}

namespace {

// v grows by w each time, and r keeps what it was: Loop(n, c, v) with v' = concat(v, w), r = sum(v).
std::string growing(std::string_view condition_out) {
  const std::string body = bytes(11, value("i", kInt64, {})) + typed_input("go", kBool, {}) +
                           input("v", {-1}) + node("Concat", {"v", "w"}, {"next"}, attribute("axis", 0)) +
                           node("ReduceSum", {"v"}, {"r"}, attribute("keepdims", 0)) +
                           node("Less", {"r", "limit"}, {"small"}) + node("Identity", {"go"}, {"same"}) +
                           output(condition_out) + output("next") + output("r");
  return typed_input("n", kInt64, {}) + typed_input("c", kBool, {}) + input("v0", {-1}) + output("v_end") +
         output("sums") + initialiser(floats("w", {1}, {1})) + initialiser(floats("limit", {}, {3})) +
         node("Loop", {"n", "c", "v0"}, {"v_end", "sums"}, subgraph("body", body));
}

}  // namespace

TEST_CASE("Loop carries values whose shape grows, and stacks what it makes", "[control]") {
  const Graph graph = read(model(growing("same")));
  const auto got = run(graph, {Tensor::scalar(std::int64_t{3}), Tensor::scalar(true), vector({2})});
  CHECK(numbers(got[0]) == std::vector<float>{2, 1, 1, 1});
  CHECK(numbers(got[1]) == std::vector<float>{2, 3, 4});
  CHECK(graph.value(graph.outputs()[0]).shape == Shape{kDynamic});
  const auto longer = run(graph, {Tensor::scalar(std::int64_t{40}), Tensor::scalar(true), vector({2})});
  CHECK(longer[0].shape() == Shape{41});  // more shapes than a session keeps plans for
  CHECK(longer[1].values<float>()[39] == 41);
}

TEST_CASE("Loop ends when its condition fails, before it begins too", "[control]") {
  const Graph graph = read(model(growing("small")));
  const std::int64_t endless = INT64_MAX;
  const auto got = run(graph, {Tensor::scalar(endless), Tensor::scalar(true), vector({0})});
  CHECK(numbers(got[1]) == std::vector<float>{0, 1, 2, 3});
  const auto none = run(graph, {Tensor::scalar(endless), Tensor::scalar(false), vector({5, 6})});
  CHECK(numbers(none[0]) == std::vector<float>{5, 6});
  CHECK(none[1].shape() == Shape{0});
  const auto negative = run(graph, {Tensor::scalar(std::int64_t{-1}), Tensor::scalar(true), vector({5})});
  CHECK(negative[1].shape() == Shape{0});
}

TEST_CASE("a loop without end is stopped", "[control]") {
  const std::string body = bytes(11, value("i", kInt64, {})) + typed_input("go", kBool, {}) + input("v", {}) +
                           node("Identity", {"go"}, {"on"}) + node("Identity", {"v"}, {"w"}) + output("on") +
                           output("w");
  const Graph graph =
      read(model(input("x", {}) + output("y") + node("Loop", {"", "", "x"}, {"y"}, subgraph("body", body))));
  const std::array x{Tensor::scalar(1.0f)};
  CHECK_THAT(refusal([&] { Session(graph, {}).run(x); }), Contains("1000000 iterations"));
}

TEST_CASE("Scan walks axes in either direction", "[control]") {
  const std::string body = input("s", {2}) + input("e", {2}) + node("Add", {"s", "e"}, {"sum"}) +
                           node("Identity", {"sum"}, {"row"}) + output("sum") + output("row");
  const Graph graph = read(model(input("s0", {2}) + input("x", {2, 3}) + output("s") + output("y") +
                                 node("Scan", {"s0", "x"}, {"s", "y"},
                                      subgraph("body", body) + attribute("num_scan_inputs", 1) +
                                          attribute("scan_input_axes", Extents{1}) +
                                          attribute("scan_input_directions", Extents{1}) +
                                          attribute("scan_output_axes", Extents{-1}) +
                                          attribute("scan_output_directions", Extents{1}))));
  CHECK(graph.value(graph.outputs()[1]).shape == Shape{2, 3});
  const auto got = run(graph, {vector({0, 100}), Tensor::from<float>({2, 3}, {1, 2, 3, 4, 5, 6})});
  CHECK(numbers(got[0]) == std::vector<float>{6, 115});
  CHECK(numbers(got[1]) == std::vector<float>{6, 5, 3, 115, 111, 106});  // columns: last computed first
}

TEST_CASE("what runs behind a data-dependent shape leaves the rest to the plan", "[control]") {
  const Graph graph = read(model(
      input("x", {-1}) + output("y") + output("z") + node("Exp", {"x"}, {"e"}) + node("Neg", {"e"}, {"z"}) +
      node("NonZero", {"x"}, {"n"}) + node("Cast", {"n"}, {"f"}, attribute("to", 1)) +
      node("ReduceSum", {"f"}, {"t"}, attribute("keepdims", 0)) + node("Add", {"t", "e"}, {"y"})));
  const auto got = run(graph, {vector({0, 1, 0, 1})});
  CHECK(got[0].values<float>()[0] == 5);
  CHECK(got[1].values<float>()[0] == -1);
}

TEST_CASE("subgraphs that cannot be right are refused", "[control]") {
  const std::string in_out = input("x", {2}) + typed_input("c", kBool, {}) + output("y");
  const std::string good = node("Neg", {"x"}, {"t"}) + output("t");
  const auto branches = [&](std::string_view then, std::string_view other) {
    return refused(model(
        in_out + node("If", {"c"}, {"y"}, subgraph("then_branch", then) + subgraph("else_branch", other))));
  };
  CHECK(branches(good, good).empty());
  CHECK_THAT(branches(good, node("Neg", {"nothing"}, {"t"}) + output("t")),
             Contains("node 0 'y' (If)") && Contains("nothing makes 'nothing'"));
  CHECK_THAT(branches(good, good + output("t")), Contains("else_branch has 2 outputs and the node 1"));
  CHECK_THAT(branches(good, node("Cast", {"x"}, {"t"}, attribute("to", kInt64)) + output("t")),
             Contains("differ in the type of output 0"));
  CHECK_THAT(branches(good, input("a", {2}) + good), Contains("takes 1 inputs and is given 0"));
  CHECK_THAT(branches(good, node("Neg", {"u"}, {"t"}) + node("Neg", {"t"}, {"u"}) + output("t")),
             Contains("cycle"));
  CHECK_THAT(refused(model(in_out + node("If", {"c"}, {"y"}, subgraph("then_branch", good)))),
             Contains("subgraph else_branch is missing"));
  std::string deep = good;
  for (int i = 0; i < 20; ++i)
    deep =
        node("If", {"c"}, {"t"}, subgraph("then_branch", deep) + subgraph("else_branch", good)) + output("t");
  CHECK_THAT(branches(deep, good), Contains("in more than 16 other graphs"));
}

namespace {

std::string function(std::string_view name, Strings inputs, Strings outputs, std::string_view nodes,
                     std::string_view more = "") {
  std::string text = bytes(1, name) + bytes(10, "my") + std::string(more);
  for (const std::string_view input : inputs) text += bytes(4, input);
  for (const std::string_view output : outputs) text += bytes(5, output);
  return bytes(25, text + std::string(nodes) + bytes(9, number(2, 17)));
}

// A node as functions hold them: field 7.
std::string inner(std::string_view op, Strings inputs, Strings outputs, std::string_view more = "") {
  std::string text = node(op, inputs, outputs, more);
  text[0] = static_cast<char>(7 << 3 | 2);
  return text;
}

std::string numbered(int i) { return std::string(1, 'F').append(std::to_string(i)); }

const std::string kOurs = bytes(7, "my");

}  // namespace

TEST_CASE("functions of the model stand where they are called", "[control]") {
  const std::string reference = bytes(5, bytes(1, "alpha") + bytes(21, "slope") + number(20, 1));
  const std::string leaky = function("Leaky", {"a"}, {"b"}, inner("LeakyRelu", {"a"}, {"b"}, reference),
                                     bytes(11, bytes(1, "slope") + real(2, 0.5f) + number(20, 1)));
  const std::string both =
      function("Both", {"a", "unused"}, {"p", "q", "same"},
               inner("Leaky", {"a"}, {"t"}, kOurs) + inner("Neg", {"t"}, {"p"}) +
                   inner("Leaky", {"a"}, {"q"}, kOurs + attribute("slope", 1, real(2, 0.25f))),
               "");
  const std::string graph = input("x", {2}) + output("p1") + output("q1") + output("p2") +
                            node("Both", {"x"}, {"p1", "q1"}, kOurs) + node("Both", {"q1"}, {"p2"}, kOurs);
  const auto got = run(read(model(graph, 17, leaky + both)), {vector({-8, 8})});
  CHECK(numbers(got[0]) == std::vector<float>{4, -8});
  CHECK(numbers(got[1]) == std::vector<float>{-2, 8});
  CHECK(numbers(got[2]) == std::vector<float>{1, -8});
}

TEST_CASE("functions without an end are refused", "[control]") {
  const std::string graph = input("x", {2}) + output("y") + node("F0", {"x"}, {"y"}, kOurs);
  CHECK_THAT(refused(model(graph, 17, function("F0", {"a"}, {"b"}, inner("F0", {"a"}, {"b"}, kOurs)))),
             Contains("'F0' calls itself"));
  std::string many;
  for (int i = 0; i < 40; ++i) {
    const std::string name = numbered(i), next = numbered(i + 1);
    many += function(name, {"a"}, {"b"}, inner(next, {"a"}, {"t"}, kOurs) + inner(next, {"t"}, {"b"}, kOurs));
  }
  CHECK_THAT(refused(model(graph, 17, many)), Contains("more than"));
}

TEST_CASE("every byte of a condition but 0 is true", "[control]") {
  Tensor odd(DType::boolean, Shape{});
  odd.mutable_data()[0] = std::byte{2};
  const Tensor x = vector({1, 2});
  CHECK(numbers(run(read(model(nested_if())), {x, odd, Tensor::scalar(false)})[0]) ==
        std::vector<float>{-11, -24});
  CHECK(numbers(run(read(model(nested_if())), {x, odd, odd})[0]) == std::vector<float>{22, 48});
}

}  // namespace dormouse::engine
