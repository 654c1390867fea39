// What was of f16 in a model, computed in f16.

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>

#include "drivers/xnnpack/driver.h"
#include "engine/halves.h"
#include "engine/interpreter.h"
#include "engine/kernel_call.h"
#include "engine/passes/pass.h"
#include "engine/session.h"
#include "engine/value.h"
#include "tests/conformance/sample_graph.h"
#include "tests/drivers/halves_samples.h"
#include "tests/drivers/on_driver.h"

namespace dormouse::drivers {
namespace {

using namespace engine;
using conformance::draw;
using xnnpack::XnnpackDriver;

constexpr unsigned kSeed = 37;

/// What XNNPACK calls the operators of `graph` as one partition.
std::string operators(const Graph& graph, const std::vector<Tensor>& inputs, bool halves = true) {
  const XnnpackDriver driver({.halves = halves});
  Partition partition{&graph, std::vector<std::size_t>(graph.nodes().size()), graph.inputs(),
                      graph.outputs()};
  std::iota(partition.nodes.begin(), partition.nodes.end(), 0);
  const auto workspace = driver.open_workspace();
  const auto program = driver.compile(partition, *workspace, true);
  std::vector<View> from, to;
  std::vector<Tensor> outputs;
  for (const Tensor& input : inputs) from.push_back(view_of(input));
  for (const ValueId id : graph.outputs()) outputs.emplace_back(graph.value(id).dtype, graph.value(id).shape);
  for (const Tensor& output : outputs) to.push_back(view_of(output));
  program->run(from, to);
  std::string names;
  for (const Program::Part& part : program->parts()) names += part.name + "\n";
  return names;
}

TEST_CASE("a network of halves is computed in halves, as near to f32 as they are", "[xnnpack]") {
  std::mt19937 random(kSeed);
  const Tensor x = draw(DType::f32, {2, 3, 16, 16}, -1, 1, random).as(DType::f16);
  Graph graph = small_network(DType::f16);
  const XnnpackDriver driver({.halves = true});
  const Driver* const drivers[] = {&driver};
  const auto halves = Session(graph, drivers).run(std::array{x});
  CHECK(halves[0].dtype() == DType::f16);
  check_near(halves, Session(small_network(DType::f32), {}).run(std::array{x.as(DType::f32)}));
}

TEST_CASE("only what was of halves is computed so, where the driver may", "[xnnpack]") {
  const Graph graph = small_network(DType::f32);
  std::mt19937 random(kSeed);
  const std::vector<Tensor> inputs{draw(DType::f32, {2, 3, 16, 16}, -1, 1, random)};
  const auto wide = [](const std::string& names) { return names.find("F16") == std::string::npos; };
  const std::string names = operators(of_halves(graph), inputs);
  INFO(names);
  CHECK(names.find("Convolution (NHWC, F16)") != std::string::npos);
  CHECK(names.find("Fully Connected (NC, F16)") != std::string::npos);
  CHECK(wide(operators(graph, inputs)));
  CHECK(wide(operators(of_halves(graph), inputs, false)));
  SECTION("one node of f32 keeps its partition in f32") {
    Graph mixed = of_halves(graph);
    std::vector<Node> nodes = mixed.take_nodes();
    nodes[0].attributes = graph.nodes()[0].attributes;
    mixed.set_nodes(std::move(nodes));
    CHECK(wide(operators(mixed, inputs)));
  }
}

TEST_CASE("what only moves or quantises numbers stays as it is where the driver may use halves",
          "[xnnpack]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {4, 6})};
  const Value scale = constant(graph, Tensor::scalar(0.1f)),
              zero = constant(graph, Tensor::scalar<std::int8_t>(3));
  const Value steps = apply("QuantizeLinear", {x, scale, zero});
  const Value turned = apply("DequantizeLinear", {transpose(steps, {1, 0}), scale, zero});
  graph.set_outputs({turned.id, transpose(x, {1, 0}).id});
  std::mt19937 random(kSeed);
  const std::vector<Tensor> inputs{draw(DType::f32, {4, 6}, -5, 5, random)};
  CHECK_FALSE(xnnpack::is_of_halves({&graph, {0, 1, 2, 3}, graph.inputs(), graph.outputs()}));
  CHECK_FALSE(xnnpack::is_of_halves({&graph, {3}, graph.inputs(), {graph.outputs()[1]}}));
  check_near(run_on(XnnpackDriver({.halves = true}), graph, inputs), interpret(graph, inputs));
}

TEST_CASE("normalisations of halves keep the range of f32", "[xnnpack]") {
  std::mt19937 random(kSeed);
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {2, 64})};
  const Value ones = constant(graph, Tensor::from<float>({64}, std::vector<float>(64, 1)));
  graph.set_outputs({apply("LayerNormalization", {x, ones}).id});
  const std::vector<Tensor> inputs{draw(DType::f32, {2, 64}, -30000, 30000, random)};
  check_near(run_on(XnnpackDriver({.halves = true}), of_halves(graph), inputs), interpret(graph, inputs));
}

TEST_CASE("fusions leave the mark of halves on what they make", "[xnnpack]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f16, {1, 8})};
  std::mt19937 random(kSeed);
  const Value weights = constant(graph, draw(DType::f16, {8, 8}, -1, 1, random));
  graph.set_outputs({(matmul(x, weights) * 0.5).id});  // goes into the weights
  optimise(graph);
  const auto product = std::ranges::find(graph.nodes(), std::string_view("MatMul"),
                                         [](const Node& node) { return node.op->name; });
  REQUIRE(product != graph.nodes().end());
  CHECK(is_of_halves(*product));
}

TEST_CASE("every operator that may be computed in halves agrees with f32", "[xnnpack]") {
  const XnnpackDriver driver({.halves = true});
  std::size_t checked = 0;
  for (const Op* const op : all_ops())
    for (std::size_t i = 0; i < op->samples.size(); ++i) {
      if (!op->domain.empty() || op->control) continue;
      INFO(op->name << ", sample " << i << ", seed " << kSeed);
      std::mt19937 random(kSeed);
      const Case each = make_case(*op, op->samples[i], 1, random);
      if (each.inputs.empty() || !takes(driver, each.graph)) continue;
      check_near(run_on(driver, of_halves(each.graph), each.inputs), interpret(each.graph, each.inputs));
      ++checked;
    }
  CHECK(checked > 40);
}

}  // namespace
}  // namespace dormouse::drivers
