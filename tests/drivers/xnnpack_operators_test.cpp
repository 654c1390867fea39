// Each operator that XNNPACK takes, against the portable kernel.

#include <catch2/catch.hpp>
#include <vector>

#include "drivers/xnnpack/driver.h"
#include "drivers/xnnpack/kernel.h"
#include "engine/interpreter.h"
#include "engine/op.h"
#include "tests/drivers/network_samples.h"
#include "tests/drivers/on_driver.h"

namespace dormouse::drivers {
namespace {

using namespace engine;
using xnnpack::XnnpackDriver;

constexpr unsigned kSeed = 19;

/// Runs `sample` with every input at run time, then with all but the first constant; returns how many of the
/// two the driver took.
int compare(const XnnpackDriver& driver, const Op& op, const Sample& sample) {
  int taken = 0;
  for (const std::size_t run_time : {sample.shapes.size(), std::size_t{1}}) {
    INFO(op.name << " on " << to_string(sample.shapes[0]) << ", run-time inputs " << run_time << ", seed "
                 << kSeed);
    std::mt19937 random(kSeed);
    const Case one = make_case(op, sample, run_time, random);
    if (one.inputs.empty() || !takes(driver, one.graph)) continue;
    ++taken;
    check_close(run_on(driver, one.graph, one.inputs), interpret(one.graph, one.inputs));
  }
  return taken;
}

/// Whether the driver takes `sample` with all but its first input constant.
bool takes_sample(const XnnpackDriver& driver, const Op& op, const Sample& sample) {
  std::mt19937 random(kSeed);
  return takes(driver, make_case(op, sample, 1, random).graph);
}

TEST_CASE("XNNPACK computes each operator's samples as the portable kernel does", "[xnnpack]") {
  const XnnpackDriver driver;
  for (const xnnpack::Kernel* const kernel : xnnpack::all_kernels()) {
    INFO(kernel->op);
    if (kernel->eight_bit == xnnpack::EightBit::computed) continue;  // xnnpack_quantized_test.cpp has those
    const Op* const op = named(kernel->op);
    REQUIRE(op != nullptr);
    int taken = 0;
    for (const Sample& sample : op->samples) taken += compare(driver, *op, sample);
    for (const Named& network : network_samples())
      taken += network.op == kernel->op && takes_sample(driver, *op, network.sample);
    CHECK(taken > 0);
  }
}

TEST_CASE("XNNPACK takes what networks are made of", "[xnnpack]") {
  const XnnpackDriver driver;
  for (const Named& network : network_samples()) {
    INFO(network.op << " on " << to_string(network.sample.shapes[0]));
    CHECK(compare(driver, *named(network.op), network.sample) > 0);
  }
}

/// Convolutions of images of `height` and `width`: full, by groups, by channels; padded, strided, dilated.
std::vector<Sample> convolutions(std::int64_t height, std::int64_t width) {
  std::vector<Sample> samples;
  for (const auto& [channels, filter, group] : {std::tuple{3, Shape{20, 3, 3, 3}, 1},
                                                {6, Shape{4, 3, 3, 3}, 2},
                                                {6, Shape{6, 1, 3, 3}, 6},
                                                {6, Shape{6, 1, 5, 5}, 6}})
    for (const std::int64_t stride : {1, 2})
      for (const std::int64_t pad : {0, 1, 3})
        for (const std::int64_t dilation : {1, 2})
          samples.push_back(
              {.shapes = {{2, channels, height, width}, filter, {filter[0]}},
               .attributes = sliding({stride, stride}, {pad, pad, pad, pad}, {dilation, dilation}, group)});
  return samples;
}

// Rows of output whose kernels lie within the input share their pointers: the first and the last of them, and
// widths that no tile of pixels divides.
TEST_CASE("convolutions read the right rows of images of any height", "[xnnpack]") {
  const XnnpackDriver driver;
  const Op& conv = *find_op("", "Conv");
  for (const std::int64_t height : {9, 10, 40})
    for (const std::int64_t width : {9, 16, 19})
      for (const Sample& sample : convolutions(height, width)) CHECK(compare(driver, conv, sample) > 0);
}

TEST_CASE("XNNPACK leaves alone what it computes otherwise", "[xnnpack]") {
  const XnnpackDriver driver;
  std::mt19937 random(kSeed);
  const auto refused = [&](const char* name, const Sample& sample, std::size_t run_time) {
    INFO(name << " on " << to_string(sample.shapes[0]));
    CHECK_FALSE(takes(driver, make_case(*find_op("", name), sample, run_time, random).graph));
  };
  Attributes counted = ceil_pool({3, 3}, {2, 2}, {1, 1, 1, 1});
  counted.set("count_include_pad", std::int64_t{1});
  refused("AveragePool", {.shapes = {{1, 1, 6, 6}}, .attributes = counted}, 1);
  refused("MaxPool", {.shapes = {{1, 1, 5, 5}}, .attributes = pool({1, 1}, {2, 2}, {0, 0, 0, 0})}, 1);
  refused("MaxPool", {.shapes = {{1, 1, 9, 9}}, .attributes = pool({2, 2}, {3, 3}, {0, 0, 0, 0})}, 1);
  refused("Conv", {.shapes = {{1, 3, 9, 9}, {8, 3, 3, 3}}}, 2);  // a filter that changes
  refused("Conv", {.shapes = {{1, 3, 5, 5, 5}, {8, 3, 3, 3, 3}}}, 1);
  refused("Softmax", {.shapes = {{2, 3, 4}}, .attributes = {{"axis", std::int64_t{1}}}}, 1);
  refused("Pow", {.shapes = {{3, 4}, {4}}, .low = 0.5}, 1);
  refused("Slice",
          {.shapes = {{6}, {1}, {1}, {1}, {1}},
           .fixed = {{1, row_of<std::int64_t>({0})},
                     {2, row_of<std::int64_t>({6})},
                     {3, row_of<std::int64_t>({0})},
                     {4, row_of<std::int64_t>({2})}}},
          1);
  const auto resized = [](Attributes attributes, std::initializer_list<float> scales) {
    return Sample{.shapes = {{1, 2, 4, 4}, {0}, {4}},
                  .attributes = std::move(attributes),
                  .fixed = {{1, Tensor(DType::f32, {0})}, {2, row_of<float>(scales)}}};
  };
  refused("Resize", resized({{"mode", std::string("nearest")}}, {1, 1, 1.5f, 2}), 1);
  refused("Resize", resized({{"mode", std::string("nearest")}}, {1, 2, 2, 2}), 1);
  refused("Resize", resized({{"mode", std::string("cubic")}}, {1, 1, 2, 2}), 1);
  refused("Resize",
          resized({{"mode", std::string("linear")},
                   {"coordinate_transformation_mode", std::string("align_corners")}},
                  {1, 1, 2, 2}),
          1);
  refused("Pad", {.shapes = {{3}, {2}}, .fixed = {{1, row_of<std::int64_t>({-1, 0})}}}, 1);
  refused("Add", {.shapes = {{0, 3}, {3}}}, 1);
}

TEST_CASE("integers are not XNNPACK's", "[xnnpack]") {
  Graph graph;
  const ValueId a = graph.add_input("a", DType::i64, {3});
  graph.set_outputs(graph.add_node(*find_op("", "Add"), {a, a}));
  CHECK_FALSE(takes(XnnpackDriver(), graph));
}

}  // namespace
}  // namespace dormouse::drivers
