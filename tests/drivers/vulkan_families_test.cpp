// Every kind of model that can be made anew, whole on Vulkan: what it answers, and how it learns.

#include <array>
#include <catch2/catch.hpp>
#include <functional>

#include "engine/interpreter.h"
#include "engine/session.h"
#include "learning/families.h"
#include "learning/fit.h"
#include "tests/conformance/sample_graph.h"
#include "tests/drivers/on_driver.h"
#include "tests/drivers/vulkan_device.h"

namespace dormouse::drivers {
namespace {

using namespace engine;
using learning::Fit;

constexpr unsigned kSeed = 29;
constexpr std::int64_t kRows = 3;

Graph model_of(const learning::Family& family, std::string_view input) {
  learning::ModelRequest request{.size = learning::ModelSize::small};
  learning::parse_input(input, request);
  learning::parse_outputs("4", request);
  return learning::new_model(family, request);
}

learning::Batch batch_for(const Graph& model) {
  std::mt19937 random(kSeed);
  Shape shape = model.value(model.inputs()[0]).shape;
  shape[0] = kRows;
  learning::Batch batch{conformance::draw(DType::f32, shape, -1, 1, random), Tensor(DType::f32, {kRows, 4}),
                        Tensor(DType::f32, {kRows})};
  for (std::size_t row = 0; row < std::size_t{kRows}; ++row) {
    batch.targets.mutable_values<float>()[row * 4 + row % 4] = 1;
    batch.weights.mutable_values<float>()[row] = 1;
  }
  return batch;
}

std::vector<Tensor> values(const learning::Parameters& parameters) {
  std::vector<Tensor> result;
  for (const auto& [name, tensor] : parameters) result.push_back(tensor);
  return result;
}

/// Has `check` look at a model of each family, for each shape of input that it takes, beside a device.
void with_every_family(const std::function<void(const Graph&, std::span<const Driver* const>)>& check) {
  const vulkan::VulkanDriver* const driver = vulkan_device();
  if (!driver) return;
  const Driver* const drivers[] = {driver};
  const auto look = [&](const learning::Family& family, std::string_view input) {
    INFO(family.name << " of " << input);
    check(model_of(family, input), drivers);
  };
  for (const learning::Family& family : learning::families()) look(family, "6x3");
  for (const std::string_view name : {"mlp", "cnn", "separable"})
    look(learning::family_called(name), "8x8x1");
}

TEST_CASE("models of every family answer on Vulkan alone", "[vulkan]") {
  with_every_family([](const Graph& model, std::span<const Driver* const> drivers) {
    std::size_t programs = 0;
    const Session session(model, drivers, {.observe = [&](const StepRun&) { ++programs; }});
    const std::array inputs{batch_for(model).inputs};
    check_close(session.run(inputs), interpret(model, inputs));
    CHECK(programs == 1);
    for (const auto& [name, nodes] : session.placement(inputs)) CHECK(name == "vulkan");
  });
}

TEST_CASE("models of every family learn on Vulkan alone", "[vulkan]") {
  with_every_family([](const Graph& model, std::span<const Driver* const> drivers) {
    Fit here(model, {.drivers = drivers}), should(model, {});
    const learning::Batch batch = batch_for(model);
    for (int step = 0; step < 2; ++step)
      CHECK(here.update(batch, 0.01f) == Approx(should.update(batch, 0.01f)).epsilon(1e-4));
    check_close(values(here.parameters()), values(should.parameters()));
    for (const auto& [name, seconds] : here.seconds()) CHECK(name == "vulkan");
  });
}

}  // namespace
}  // namespace dormouse::drivers
