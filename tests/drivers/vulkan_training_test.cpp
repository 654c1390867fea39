// Steps of training, whole, on Vulkan as on the portable kernels.

#include <array>
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/autodiff.h"
#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/session.h"
#include "engine/value.h"
#include "tests/conformance/sample_graph.h"
#include "tests/drivers/on_driver.h"
#include "tests/drivers/vulkan_device.h"

namespace dormouse::drivers {
namespace {

using namespace engine;
using Integers = std::vector<std::int64_t>;

constexpr unsigned kSeed = 23;

/// A step under construction: parameters are inputs, and what they become are outputs.
class StepGraph {
 public:
  Value input(Shape shape) { return {&graph, graph.add_input("", DType::f32, std::move(shape))}; }
  Value parameter(Shape shape) {
    parameters.push_back(input(std::move(shape)).id);
    return {&graph, parameters.back()};
  }
  Value linear(Value x, std::int64_t from, std::int64_t to) {
    return apply("Gemm", {x, parameter({to, from}), parameter({to})}, {{"transB", std::int64_t{1}}});
  }
  Value conv(Value x, std::int64_t from, std::int64_t to) {
    return apply("Conv", {x, parameter({to, from, 3, 3}), parameter({to})}, {{"pads", Integers{1, 1, 1, 1}}});
  }

  void finish(Value logits, std::string_view rule) {
    const Value loss = apply("SoftmaxCrossEntropy", {logits, input(logits.shape())}, {}, "dormouse");
    const std::vector<ValueId> gradients = differentiate(graph, loss.id, parameters);
    std::vector<ValueId> outputs{loss.id};
    const Value rate = constant(graph, Tensor::scalar(0.01f)), step = constant(graph, Tensor::scalar(2.0f));
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const Shape& shape = graph.value(parameters[i]).shape;
      std::vector<ValueId> inputs{parameters[i], gradients[i], input(shape).id};
      if (rule == "AdamW") inputs.push_back(apply("Abs", {input(shape)}).id);
      inputs.push_back(rate.id);
      if (rule == "AdamW") inputs.push_back(step.id);
      const auto updated = graph.add_node(*find_op("dormouse", rule), inputs, {},
                                          std::vector<std::string>(rule == "AdamW" ? 3 : 2));
      outputs.insert(outputs.end(), updated.begin(), updated.end());
    }
    graph.set_outputs(outputs);
  }

  Graph graph;
  std::vector<ValueId> parameters;
};

Graph perceptron() {
  StepGraph step;
  Value x = relu(step.linear(step.input({32, 40}), 40, 70));
  x = tanh(step.linear(x, 70, 33));
  step.finish(step.linear(x, 33, 10), "SgdMomentum");
  return std::move(step.graph);
}

Graph convolutional() {
  StepGraph step;
  const auto pool = [](Value x) {
    return apply("MaxPool", {x}, {{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}});
  };
  Value x = pool(relu(step.conv(step.input({5, 1, 12, 12}), 1, 6)));
  x = pool(relu(step.conv(x, 6, 8)));
  x = relu(step.linear(apply("Flatten", {x}), 8 * 3 * 3, 20));
  step.finish(step.linear(x, 20, 10), "AdamW");
  return std::move(step.graph);
}

/// Layer normalisation, attention, residuals.
Graph encoder() {
  StepGraph step;
  const Value x = step.input({2, 6, 8});
  const Value n = apply("LayerNormalization", {x, step.parameter({8}), step.parameter({8})});
  const Value q = matmul(n, step.parameter({8, 8})), k = matmul(n, step.parameter({8, 8})),
              v = matmul(n, step.parameter({8, 8}));
  const Value attended = x + apply("ScaledDotProductAttention", {q, k, v}, {{"scale", 0.35f}}, "dormouse");
  const Value wide = apply("Gelu", {matmul(attended, step.parameter({8, 16}))});
  const Value y = attended + matmul(wide, step.parameter({16, 8}));
  step.finish(step.linear(reduce_mean(y, {1}, false), 8, 4), "AdamW");
  return std::move(step.graph);
}

/// Oscillators of a LinOSS layer.
Graph oscillators() {
  StepGraph step;
  const Value x = step.input({3, 50, 2, 9});
  const Value m = step.parameter({2, 2, 9}) * 0.5;
  const Value states = apply("OscillatorScan", {x, m}, {}, "dormouse");
  step.finish(step.linear(reshape(reduce_mean(states, {1}, false), {3, 18}), 18, 4), "SgdMomentum");
  return std::move(step.graph);
}

TEST_CASE("training steps on Vulkan are those of the portable kernels", "[vulkan]") {
  const vulkan::VulkanDriver* const driver = vulkan_device();
  if (!driver) return;
  for (const auto make : {perceptron, convolutional, encoder, oscillators}) {
    const Graph graph = make();
    const Driver* const drivers[] = {driver};
    const Session session(graph, drivers);
    std::mt19937 random(kSeed);
    std::vector<Tensor> inputs;
    for (const ValueId id : graph.inputs())
      inputs.push_back(conformance::draw(DType::f32, graph.value(id).shape, -0.5, 0.5, random));
    INFO("nodes " << graph.nodes().size() << ", seed " << kSeed);
    check_close(session.run(inputs), interpret(graph, inputs));
    const auto placement = session.placement(inputs);
    CHECK(placement.size() == 1);
    CHECK(placement.at(0).first == "vulkan");
  }
}

}  // namespace
}  // namespace dormouse::drivers
