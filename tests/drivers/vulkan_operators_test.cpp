// Each operator that the Vulkan driver takes, against the portable kernel.

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/autodiff.h"
#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/passes/pass.h"
#include "engine/session.h"
#include "engine/value.h"
#include "tests/conformance/sample_graph.h"
#include "tests/drivers/network_samples.h"
#include "tests/drivers/on_driver.h"
#include "tests/drivers/vulkan_device.h"

namespace dormouse::drivers {
namespace {

using namespace engine;

constexpr unsigned kSeed = 19;

/// Booleans as 0 and 1.
std::vector<Tensor> as_numbers(std::vector<Tensor> tensors) {
  for (Tensor& tensor : tensors) tensor = tensor.as(DType::f32);
  return tensors;
}

/// Runs `sample` with every input at run time, then with all but the first constant; returns how many of the
/// two the driver took.
int compare(const Driver& driver, const Op& op, const Sample& sample) {
  int taken = 0;
  for (const std::size_t run_time : {sample.shapes.size(), std::size_t{1}}) {
    INFO(op.name << " on " << to_string(sample.shapes[0]) << ", run-time inputs " << run_time << ", seed "
                 << kSeed);
    std::mt19937 random(kSeed);
    const Case one = make_case(op, sample, run_time, random);
    if (one.inputs.empty() || !takes(driver, one.graph)) continue;
    ++taken;
    check_close(as_numbers(run_on(driver, one.graph, one.inputs)),
                as_numbers(interpret(one.graph, one.inputs)));
  }
  return taken;
}

TEST_CASE("Vulkan computes each operator's samples as the portable kernel does", "[vulkan]") {
  const vulkan::VulkanDriver* const driver = vulkan_device();
  if (!driver) return;
  for (const std::string_view name : vulkan::kernel_names()) {
    INFO(name);
    const Op* const op = named(name);
    REQUIRE(op != nullptr);
    int taken = 0;
    for (const Sample& sample : op->samples) taken += compare(*driver, *op, sample);
    for (const Named& network : network_samples())
      if (network.op == name) taken += compare(*driver, *op, network.sample);
    // Samples of these are of other types, or constants.
    constexpr std::array<std::string_view, 7> others{
        "And", "Or", "Xor", "Not", "Cast", "ConstantOfShape", "PackedBitLinear"};
    CHECK((taken > 0 || std::ranges::find(others, name) != others.end()));
  }
}

TEST_CASE("the largest of what is no number is none on Vulkan", "[vulkan]") {
  for (const vulkan::VulkanDriver* const driver : {vulkan_device(), plain_vulkan_device()})
    for (const std::string_view name : {"ReduceMax", "ReduceMin"}) {
      if (!driver) return;
      Graph graph;
      const Value x{&graph, graph.add_input("x", DType::f32, {2, 1000})};
      graph.set_outputs({apply(name, {x, integers(graph, {1})}, {{"keepdims", std::int64_t{0}}}).id});
      Tensor given(DType::f32, {2, 1000});
      given.mutable_values<float>()[777] = std::numeric_limits<float>::quiet_NaN();
      const auto made = run_on(*driver, graph, std::array{given});
      CHECK(std::isnan(made[0].values<float>()[0]));
      CHECK(made[0].values<float>()[1] == 0);
    }
}

TEST_CASE("rows and reductions on Vulkan are the same without subgroups", "[vulkan]") {
  const vulkan::VulkanDriver *const with = vulkan_device(), *const without = plain_vulkan_device();
  if (!with) return;
  constexpr std::array<std::string_view, 10> ops{
      "Softmax",   "LogSoftmax", "LayerNormalization", "GroupNormalization", "ReduceSum",
      "ReduceMax", "ReduceMin",  "ReduceProd",         "ReduceLogSumExp",    "SoftmaxCrossEntropy"};
  for (const std::string_view name : ops) {
    const Op& op = *named(name);
    for (const Sample& sample : op.samples) compare(*without, op, sample);
    for (const std::int64_t length : {std::int64_t{5}, std::int64_t{100}, std::int64_t{1500}}) {
      const bool of_parameters = name == "LayerNormalization", of_two = name == "SoftmaxCrossEntropy";
      const bool reduces = name.starts_with("Reduce");
      Sample sample{.shapes = {{3, length}}};
      if (of_parameters) sample.shapes.push_back({length});
      if (of_two) sample.shapes.push_back({3, length});
      if (reduces) sample.fixed = {{1, Tensor::from<std::int64_t>({1}, {1})}}, sample.shapes.push_back({1});
      if (name == "GroupNormalization")
        sample = {.shapes = {{2, 4, length}, {4}, {4}}, .attributes = {{"num_groups", std::int64_t{2}}}};
      if (name == "ReduceProd") sample.low = 0.99, sample.high = 1.01;
      CHECK(compare(*with, op, sample) > 0);
      CHECK(compare(*without, op, sample) > 0);
    }
  }
}

TEST_CASE("weights that a node fills are made on Vulkan, once", "[vulkan]") {
  const vulkan::VulkanDriver* const driver = vulkan_device();
  if (!driver) return;
  constexpr std::int64_t width = 600;  // larger than what is folded
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {2, width})};
  const Value w = apply("ConstantOfShape", {integers(graph, {width, width})},
                        {{"value", Tensor::from<float>({1}, {0.01f})}});
  graph.set_outputs({matmul(x, w).id});
  const Driver* const drivers[] = {driver};
  std::mt19937 random(kSeed);
  const std::array inputs{conformance::draw(DType::f32, {2, width}, -1, 1, random)};
  std::size_t programs = 0;
  const Session session(graph, drivers, {.observe = [&](const StepRun&) { ++programs; }});
  for (int run = 0; run < 2; ++run) check_close(session.run(inputs), interpret(graph, inputs));
  CHECK(programs == 2);
}

TEST_CASE("a Dropout that drops nothing has a mask on Vulkan, too", "[vulkan]") {
  const vulkan::VulkanDriver* const driver = vulkan_device();
  if (!driver) return;
  Graph graph;
  const ValueId x = graph.add_input("x", DType::f32, {3, 4});
  graph.set_outputs(graph.add_node(*find_op("", "Dropout"), {x}, {}, {"y", "mask"}));
  std::mt19937 random(kSeed);
  const std::array inputs{conformance::draw(DType::f32, {3, 4}, -1, 1, random)};
  REQUIRE(takes(*driver, graph));
  check_close(as_numbers(run_on(*driver, graph, inputs)), as_numbers(interpret(graph, inputs)));
}

/// All that a recurrent layer may be given but lengths, and every state that it ends in.
struct Recurrent {
  std::string_view domain, op;
  std::int64_t gates;
  std::vector<Shape> behind;  ///< inputs behind the lengths
  std::size_t outputs;
  Attributes attributes;
};

TEST_CASE("recurrent layers on Vulkan begin with states, go both ways and know the time", "[vulkan]") {
  const vulkan::VulkanDriver* const driver = vulkan_device();
  if (!driver) return;
  constexpr std::int64_t steps = 5, batch = 3, in = 4, units = 37;
  const Shape states{2, batch, units}, states_of_rows{batch, 2, units};
  const Recurrent layers[] = {
      {"", "LSTM", 4, {states, states}, 3, {{"direction", std::string("bidirectional")}}},
      {"",
       "LSTM",
       4,
       {states_of_rows, states_of_rows},
       3,
       {{"direction", std::string("bidirectional")}, {"layout", std::int64_t{1}}}},
      {"", "GRU", 3, {states}, 2, {{"direction", std::string("bidirectional")}}},
      {"",
       "GRU",
       3,
       {states},
       2,
       {{"direction", std::string("bidirectional")}, {"linear_before_reset", std::int64_t{1}}}},
      {"dormouse", "CfC", 4, {states, {steps, batch}}, 2, {{"direction", std::string("bidirectional")}}},
      {"dormouse",
       "CfC",
       4,
       {states_of_rows, {batch, steps}},
       2,
       {{"direction", std::string("bidirectional")}, {"layout", std::int64_t{1}}}},
  };
  for (const Recurrent& layer : layers) {
    INFO(layer.op << ", layout " << layer.attributes.integer("layout", 0));
    std::mt19937 random(kSeed);
    Graph graph;
    std::vector<Tensor> inputs;
    std::vector<ValueId> ids;
    const auto input = [&](Shape shape) {
      ids.push_back(graph.add_input("", DType::f32, shape));
      inputs.push_back(conformance::draw(DType::f32, std::move(shape), -1, 1, random));
    };
    const bool by_rows = layer.attributes.integer("layout", 0) == 1;
    input(by_rows ? Shape{batch, steps, in} : Shape{steps, batch, in});
    input({2, layer.gates * units, in});
    input({2, layer.gates * units, units});
    input({2, 2 * layer.gates * units});
    ids.push_back(kAbsent);
    for (const Shape& shape : layer.behind) input(shape);
    graph.set_outputs(graph.add_node(*find_op(layer.domain, layer.op), ids, layer.attributes,
                                     std::vector<std::string>(layer.outputs)));
    REQUIRE(takes(*driver, graph));
    check_close(run_on(*driver, graph, inputs), interpret(graph, inputs));
  }
}

/// Σ weights · y over all outputs of an operator, and its gradients, as one graph.
struct Differentiated {
  Graph graph;
  std::vector<Tensor> inputs;
};

std::optional<Differentiated> differentiated(const Op& op, const Sample& sample) {
  std::mt19937 random(kSeed);
  conformance::SampleGraph made = conformance::sample_graph(op, sample, DType::f32, random);
  if (made.differentiable.empty()) return std::nullopt;
  const Value y{&made.graph, made.outputs[0]};
  if (y.dtype() != DType::f32 || !y.info().shape_known) return std::nullopt;
  Value loss = y * constant(made.graph, conformance::draw(DType::f32, y.shape(), -1, 1, random));
  std::vector<std::int64_t> axes;
  for (std::size_t d = 0; d < y.shape().rank(); ++d) axes.push_back(static_cast<std::int64_t>(d));
  if (!axes.empty()) loss = reduce_sum(loss, axes, false);
  std::vector<ValueId> outputs = differentiate(made.graph, loss.id, made.differentiable);
  outputs.push_back(y.id);
  made.graph.set_outputs(std::move(outputs));
  optimise(made.graph);
  return Differentiated{std::move(made.graph), std::move(made.inputs)};
}

TEST_CASE("gradients on Vulkan are those of the portable kernels", "[vulkan]") {
  const vulkan::VulkanDriver* const driver = vulkan_device();
  if (!driver) return;
  std::size_t whole = 0;
  for (const std::string_view name : vulkan::kernel_names()) {
    const Op& op = *named(name);
    if (!op.gradient) continue;
    for (const Sample& sample : op.samples) {
      INFO(name << " on " << to_string(sample.shapes[0]) << ", seed " << kSeed);
      const auto made = differentiated(op, sample);
      if (!made || made->graph.nodes().empty() || !takes(*driver, made->graph)) continue;
      ++whole;
      check_close(run_on(*driver, made->graph, made->inputs), interpret(made->graph, made->inputs));
    }
  }
  CHECK(whole > 100);
}

}  // namespace
}  // namespace dormouse::drivers
