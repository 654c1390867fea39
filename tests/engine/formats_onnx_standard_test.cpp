#include <catch2/catch.hpp>
#include <random>

#include "engine/formats/onnx.h"
#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/value.h"
#include "tests/engine/damage.h"

namespace dormouse::engine {
namespace {

constexpr unsigned kSeed = 5;

Tensor noise(Shape shape, std::mt19937& random) {
  Tensor tensor(DType::f32, std::move(shape));
  std::uniform_real_distribution<float> uniform(-0.7f, 0.7f);
  for (float& value : tensor.mutable_values<float>()) value = uniform(random);
  return tensor;
}

/// Written, and read back.
Graph round_trip(const Graph& graph) {
  const ScratchFolder folder;
  write_onnx(graph, folder.file("model.onnx"));
  return read_onnx(folder.file("model.onnx"));
}

bool is_standard(const Graph& graph) {
  return std::ranges::all_of(graph.nodes(), [](const Node& node) { return node.op->domain.empty(); });
}

/// The model in standard operators answers as `graph` does, after a round trip too.
void check_spelling(const Graph& graph, const std::vector<Tensor>& inputs) {
  const Graph back = round_trip(in_standard_operators(graph));
  CHECK(is_standard(back));
  const Tensor expected = interpret(graph, inputs)[0], got = interpret(back, inputs)[0];
  REQUIRE(got.shape() == expected.shape());
  for (std::size_t i = 0; i < expected.values<float>().size(); ++i)
    CHECK(got.values<float>()[i] == Approx(expected.values<float>()[i]).epsilon(1e-6).margin(1e-6));
}

}  // namespace

TEST_CASE("oscillators are written as a Scan that computes the same", "[formats]") {
  INFO("seed " << kSeed);
  std::mt19937 random(kSeed);
  for (const bool reverse : {false, true}) {
    for (const bool started : {false, true}) {
      for (const bool known : {false, true}) {
        INFO("reverse " << reverse << ", started " << started << ", matrices known " << known);
        Graph graph;
        const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, kDynamic, 2, 3})};
        std::vector<Tensor> inputs{noise({2, 5, 2, 3}, random)};
        const auto given = [&](const char* name, Shape shape) {
          inputs.push_back(noise(shape, random));
          return Value{&graph, graph.add_input(name, DType::f32, shape)};
        };
        const Value m = known ? constant(graph, noise({2, 2, 3}, random)) : given("m", {2, 2, 3});
        const Value start = started ? given("w", {2, 2, 3}) : Value{};
        graph.mark_output(
            apply("OscillatorScan", {x, m, start}, {{"reverse", std::int64_t{reverse}}}, "dormouse").id);
        check_spelling(graph, inputs);
      }
    }
  }
}

TEST_CASE("activations that opset 18 does not have are written as arithmetic", "[formats]") {
  INFO("seed " << kSeed);
  std::mt19937 random(kSeed);
  const std::pair<const char*, Attributes> activations[] = {
      {"Gelu", {}}, {"Gelu", {{"approximate", std::string("tanh")}}}, {"Swish", {{"alpha", 1.5f}}}};
  for (const auto& [op, attributes] : activations) {
    INFO(op);
    Graph graph;
    const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, 4})};
    const Value y = apply(op, {x}, attributes);
    graph.rename(y.id, "y");
    graph.mark_output(y.id);
    check_spelling(graph, {noise({3, 4}, random)});
    const Graph standard = in_standard_operators(graph);
    CHECK(standard.value(standard.outputs()[0]).name == "y");
    CHECK(std::ranges::none_of(standard.nodes(), [](const Node& node) { return node.op->since > 18; }));
  }
}

TEST_CASE("what depends on no input is computed before a model is written in standard operators",
          "[formats]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {2})};
  const Value like = constant(graph, Tensor(DType::f32, {2}));
  graph.mark_output((x + broadcast_to(scalar_like(x, 3), like)).id);
  CHECK(in_standard_operators(graph).nodes().size() == 1);
}

TEST_CASE("a node that no standard operator stands for is named", "[formats]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, 2})};
  graph.mark_output(sum_to(x, constant(graph, Tensor(DType::f32, {2}))).id);
  CHECK(refusal([&] { in_standard_operators(graph); }).find("SumTo") != std::string::npos);
}

}  // namespace dormouse::engine
