// The memory of a device: foreseen, shared, copied to only where it must be, and when there is none left.

#include <catch2/catch.hpp>

#include "engine/footprint.h"
#include "engine/interpreter.h"
#include "engine/session.h"
#include "engine/value.h"
#include "tests/conformance/sample_graph.h"
#include "tests/drivers/on_driver.h"
#include "tests/drivers/vulkan_device.h"

namespace dormouse::drivers {
namespace {

using namespace engine;
using vulkan::VulkanDriver;

constexpr unsigned kSeed = 41;
constexpr std::int64_t kWide = 1024, kLayers = 3;

/// Linear layers of 4 MiB each.
Graph wide() {
  std::mt19937 random(kSeed);
  Graph graph;
  Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, kWide})};
  for (std::int64_t i = 0; i < kLayers; ++i)
    x = relu(matmul(x, constant(graph, conformance::draw(DType::f32, {kWide, kWide}, -0.05, 0.05, random))));
  graph.set_outputs({x.id});
  return graph;
}

Tensor rows(std::int64_t count) {
  std::mt19937 random(kSeed);
  return conformance::draw(DType::f32, {count, kWide}, -1, 1, random);
}

std::string computes(const Session& session, const Tensor& input) {
  return session.placement(std::array{input}).at(0).first;
}

std::unique_ptr<const VulkanDriver> opened(VulkanDriver::Options options) {
  const VulkanDriver* const named = vulkan_device();
  if (!named) return nullptr;
  options.device = named->device_name();
  return std::make_unique<const VulkanDriver>(options);
}

TEST_CASE("a program takes the device memory that was foreseen, and sessions share weights", "[vulkan]") {
  const auto driver = opened({});
  if (!driver || !driver->unified()) return;
  const Driver* const drivers[] = {driver.get()};
  const Graph graph = wide();
  const Tensor input = rows(64);
  const auto foreseen = static_cast<double>([&] {
    const Footprint it = foresee(graph, std::vector{input.shape()}, drivers);
    return it.packed + it.workspace;
  }());
  CHECK(driver->allocated() == 0);
  const Session one(graph, drivers);
  one.run(std::array{input});
  const std::size_t taken = driver->allocated();
  CHECK(static_cast<double>(taken) == Approx(foreseen).epsilon(0.05));
  const Session two(graph, drivers);
  two.run(std::array{input});
  CHECK(driver->allocated() - taken < std::size_t{2} << 20);  // an arena
}

TEST_CASE("nothing is copied where the host sees the device's memory", "[vulkan]") {
  for (const bool staged : {false, true}) {
    const auto driver = opened({.staged = staged});
    if (!driver) return;
    const Driver* const drivers[] = {driver.get()};
    const Graph graph = wide();
    const Session session(graph, drivers);
    const Tensor input = rows(3);
    for (int run = 0; run < 3; ++run)
      check_close(session.run(std::array{input}), interpret(graph, std::array{input}));
    const bool seen = driver->unified();
    CHECK(driver->copies() == (seen ? 0 : std::size_t{kLayers + 2}));  // weights, input, output
    CHECK(foresee(graph, std::vector{input.shape()}, drivers).packed == (seen ? kLayers << 22 : 0));
  }
}

TEST_CASE("what the device has no room for the CPU computes, and what it has the device", "[vulkan]") {
  const auto driver = opened({.memory = (kLayers << 22) + (std::size_t{2} << 20)});
  if (!driver) return;
  const Driver* const drivers[] = {driver.get()};
  const Graph graph = wide();
  const Session session(graph, drivers);
  for (const std::int64_t count : {1, 1024, 2}) {
    const Tensor input = rows(count);
    check_close(session.run(std::array{input}), interpret(graph, std::array{input}));
    CHECK(computes(session, input) == (count == 1024 ? "reference" : "vulkan"));
  }
}

TEST_CASE("more products than a dispatch may have groups are left to the CPU", "[vulkan]") {
  const VulkanDriver* const driver = vulkan_device();
  if (!driver) return;
  const Driver* const drivers[] = {driver};
  Graph graph;
  const Value a{&graph, graph.add_input("a", DType::f32, {kDynamic, 1, 2})},
      b{&graph, graph.add_input("b", DType::f32, {kDynamic, 2, 1})};
  graph.set_outputs({matmul(a, b).id});
  const Session session(graph, drivers);
  for (const std::int64_t count : {100, 70'000}) {
    std::mt19937 random(kSeed);
    const Tensor inputs[] = {conformance::draw(DType::f32, {count, 1, 2}, -1, 1, random),
                             conformance::draw(DType::f32, {count, 2, 1}, -1, 1, random)};
    check_close(session.run(inputs), interpret(graph, inputs));
    CHECK(session.placement(inputs).at(0).first == (count == 100 ? "vulkan" : "reference"));
  }
}

TEST_CASE("a request answers whichever allocation fails", "[vulkan]") {
  for (const bool staged : {false, true}) {
    std::size_t left = 0;
    const auto driver = opened({.staged = staged, .before_allocation = [&](std::size_t) {
                                  if (left == 0) throw Failure(Errc::too_large, "there is no memory left");
                                  --left;
                                }});
    if (!driver) return;
    const Driver* const drivers[] = {driver.get()};
    const Graph graph = wide();
    const Tensor input = rows(3);
    const std::vector<Tensor> expected = interpret(graph, std::array{input});
    bool all = false;
    for (std::size_t n = 0; !all; ++n) {
      REQUIRE(n < 50);
      const Session session(graph, drivers);
      left = n;
      check_close(session.run(std::array{input}), expected);
      all = computes(session, input) == "vulkan";
      CHECK((all || left == 0));
      left = SIZE_MAX;
      check_close(session.run(std::array{rows(3)}), expected);
      session.run(std::array{rows(1)});  // which does fit
      CHECK(computes(session, rows(1)) == "vulkan");
    }
  }
}

}  // namespace
}  // namespace dormouse::drivers
