// Each operator that the Vulkan driver takes, against the portable kernel.

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <vector>

#include "engine/autodiff.h"
#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/passes/pass.h"
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
    constexpr std::array<std::string_view, 6> others{"And", "Or", "Xor", "Not", "Cast", "PackedBitLinear"};
    CHECK((taken > 0 || std::ranges::find(others, name) != others.end()));
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
