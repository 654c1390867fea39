// Products of what was of f16 in a model, multiplied in f16 on Vulkan.

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>

#include "engine/halves.h"
#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/session.h"
#include "engine/value.h"
#include "tests/conformance/sample_graph.h"
#include "tests/drivers/halves_samples.h"
#include "tests/drivers/network_samples.h"
#include "tests/drivers/on_driver.h"
#include "tests/drivers/vulkan_device.h"

namespace dormouse::drivers {
namespace {

using namespace engine;
using conformance::draw;

constexpr unsigned kSeed = 41;

/// The device's ways to multiply halves: by threads, and by units for matrices where it has them.
std::vector<const vulkan::VulkanDriver*> ways() {
  const vulkan::VulkanDriver* const device = vulkan_device();
  if (!device) return {};
  if (device->halves() == "f32") {
    WARN(device->device_name() << " does not compute in f16");
    return {};
  }
  static const vulkan::VulkanDriver lanes({.device = vulkan_device_name(), .matrices = false});
  CHECK(lanes.halves() == "f16");
  std::vector<const vulkan::VulkanDriver*> all{&lanes};
  if (device->halves() != lanes.halves()) all.push_back(device);
  return all;
}

/// Of inputs alone, of which f16 rounds all but a few.
Case product(std::string_view op, std::vector<Shape> shapes, Attributes attributes = {}) {
  std::mt19937 random(kSeed);
  const Sample sample{.shapes = std::move(shapes), .attributes = std::move(attributes), .low = -1, .high = 1};
  return make_case(*named(op), sample, SIZE_MAX, random);
}

bool same(std::span<const Tensor> a, std::span<const Tensor> b) {
  return std::ranges::equal(a[0].values<float>(), b[0].values<float>());
}

TEST_CASE("a network of halves is multiplied in halves on Vulkan, as near to f32 as they are", "[vulkan]") {
  for (const vulkan::VulkanDriver* const driver : ways()) {
    INFO(driver->halves());
    std::mt19937 random(kSeed);
    const Tensor x = draw(DType::f32, {2, 3, 16, 16}, -1, 1, random).as(DType::f16);
    const Driver* const drivers[] = {driver};
    const auto halves = Session(small_network(DType::f16), drivers).run(std::array{x});
    CHECK(halves[0].dtype() == DType::f16);
    check_near(halves, Session(small_network(DType::f32), {}).run(std::array{x.as(DType::f32)}));
  }
}

TEST_CASE("a network of halves is taken whole by Vulkan, to its inputs and outputs", "[vulkan]") {
  const vulkan::VulkanDriver* const device = vulkan_device();
  if (!device) return;
  std::mt19937 random(kSeed);
  const std::array inputs{draw(DType::f32, {2, 3, 16, 16}, -1, 1, random).as(DType::f16)};
  const Driver* const drivers[] = {device};
  const Session session(small_network(DType::f16), drivers);
  session.run(inputs);
  const auto placement = session.placement(inputs);
  CHECK(placement.size() == 1);
  CHECK(placement.at(0).first == "vulkan");
}

TEST_CASE("a rounding to f16 on the way stays one beside Vulkan", "[vulkan]") {
  const vulkan::VulkanDriver* const device = vulkan_device();
  if (!device) return;
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {64, 64})};
  const Value rounded = cast(cast(exp(x), DType::f16), DType::f32);
  graph.set_outputs({(rounded * 2).id});
  std::mt19937 random(kSeed);
  const std::array inputs{draw(DType::f32, {64, 64}, -1, 1, random)};
  const Driver* const drivers[] = {device};
  const auto made = Session(graph, drivers).run(inputs), expected = interpret(graph, inputs);
  const auto a = made[0].values<float>(), b = expected[0].values<float>();
  std::size_t apart = 0;  // exp() may differ by a bit, of which f16 keeps none but at a border
  for (std::size_t i = 0; i < a.size(); ++i) apart += a[i] != b[i];
  CHECK(apart < a.size() / 50);
}

TEST_CASE("only what was of halves is multiplied so on Vulkan", "[vulkan]") {
  const Case each = product("Gemm", {{40, 50}, {50, 60}, {60}});
  for (const vulkan::VulkanDriver* const driver : ways()) {
    INFO(driver->halves());
    const auto wide = run_on(*driver, each.graph, each.inputs),
               halves = run_on(*driver, of_halves(each.graph), each.inputs);
    CHECK(same(wide, run_on(*plain_vulkan_device(), each.graph, each.inputs)));
    CHECK_FALSE(same(wide, halves));
    check_near(halves, wide);
    // A device that computes with f16 no faster than this driver may use does it in f32.
    CHECK(same(wide, run_on(*plain_vulkan_device(), of_halves(each.graph), each.inputs)));
  }
}

TEST_CASE("products of halves agree with f32 on every tile of Vulkan", "[vulkan]") {
  const std::array<Case, 3> cases{
      product("Gemm", {{70, 150}, {150, 135}, {135}}),
      product("Conv", {{1, 80, 9, 9}, {20, 40, 3, 2}}, sliding({2, 1}, {1, 0, 2, 3}, {1, 2}, 2)),
      product("MatMul", {{3, 2, 9, 17}, {2, 17, 33}})};
  std::vector<std::vector<Tensor>> expected;
  for (const Case& each : cases) expected.push_back(interpret(each.graph, each.inputs));
  for (const vulkan::VulkanDriver* const way : ways()) {
    std::size_t turn = 0;
    for (vulkan::Tile tile : way->tiles()) {
      tile.spread = turn % 2 == 0 ? 4 : 0;
      INFO(way->halves() << " " << vulkan::to_string(tile));
      const vulkan::VulkanDriver driver(
          {.device = vulkan_device_name(), .matrices = way->halves() != "f16", .tile = tile});
      const std::size_t i = turn++ % cases.size();
      INFO("product " << i << ", seed " << kSeed);
      check_near(run_on(driver, of_halves(cases[i].graph), cases[i].inputs), expected[i]);
    }
  }
}

TEST_CASE("every product may be of halves on Vulkan", "[vulkan]") {
  for (const vulkan::VulkanDriver* const driver : ways())
    for (const std::string_view name : {"Conv", "ConvTranspose", "Gemm", "MatMul"}) {
      const Op& op = *named(name);
      for (std::size_t i = 0; i < op.samples.size(); ++i) {
        INFO(driver->halves() << ": " << name << ", sample " << i << ", seed " << kSeed);
        std::mt19937 random(kSeed);
        const Case each = make_case(op, op.samples[i], 1, random);
        if (each.inputs.empty() || !takes(*driver, each.graph)) continue;
        check_near(run_on(*driver, of_halves(each.graph), each.inputs), interpret(each.graph, each.inputs));
      }
    }
}

TEST_CASE("what is only a part of an operator is no product of halves on Vulkan", "[vulkan]") {
  const vulkan::VulkanDriver* const plain = plain_vulkan_device();
  // Beyond the range of f16, as what attention multiplies before it is scaled may be.
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {1, 1, 6, 6})};
  const Value sizes = constant(graph, Tensor::from<std::int64_t>({4}, {1, 1, 9, 9})),
              none = {&graph, kAbsent};
  graph.set_outputs({apply("Resize", {x, none, none, sizes}, {{"mode", std::string("linear")}}).id});
  std::mt19937 random(kSeed);
  const std::array inputs{draw(DType::f32, {1, 1, 6, 6}, 60000, 90000, random)};
  for (const vulkan::VulkanDriver* const driver : ways()) {
    INFO(driver->halves());
    REQUIRE(takes(*driver, graph));
    CHECK(same(run_on(*driver, of_halves(graph), inputs), run_on(*plain, graph, inputs)));
  }
}

TEST_CASE("Vulkan keeps sums of halves that f16 could not hold", "[vulkan]") {
  // 4,096 ones: f16 counts to 2,048.
  constexpr std::int64_t kLength = 4096;
  const auto ones = [](Shape shape) {
    Tensor tensor(DType::f32, std::move(shape));
    std::ranges::fill(tensor.mutable_values<float>(), 1.0f);
    return tensor;
  };
  Case each = product("MatMul", {{2, kLength}, {kLength, 3}});
  each.inputs = {ones({2, kLength}), ones({kLength, 3})};
  for (const vulkan::VulkanDriver* const driver : ways()) {
    INFO(driver->halves());
    const auto sums = run_on(*driver, of_halves(each.graph), each.inputs);
    for (const float sum : sums[0].values<float>()) CHECK(sum == float{kLength});
  }
}

}  // namespace
}  // namespace dormouse::drivers
