// How products are cut on Vulkan: every way computes the same, the fastest is remembered, and activations
// behind them take no dispatch of their own.

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <iterator>
#include <numeric>

#include "drivers/measured.h"
#include "drivers/xnnpack/driver.h"
#include "engine/interpreter.h"
#include "engine/kernel_call.h"
#include "engine/op.h"
#include "engine/session.h"
#include "engine/value.h"
#include "tests/conformance/sample_graph.h"
#include "tests/drivers/network_samples.h"
#include "tests/drivers/on_driver.h"
#include "tests/drivers/vulkan_device.h"
#include "tests/temporary_folder.h"

namespace dormouse::drivers {
namespace {

using namespace engine;
using namespace std::chrono_literals;
using Integers = std::vector<std::int64_t>;

constexpr unsigned kSeed = 31;

struct Product {
  std::string_view domain, op;
  std::vector<Shape> shapes;
  Attributes attributes = {};
};

/// Of every kind, no multiples of tiles, of sums that are split and of few.
const std::vector<Product>& products() {
  static const std::vector<Product> all{
      {"", "Gemm", {{70, 150}, {150, 135}, {135}}},
      {"", "Conv", {{1, 80, 9, 9}, {20, 40, 3, 2}}, sliding({2, 1}, {1, 0, 2, 3}, {1, 2}, 2)},
      {"", "MatMul", {{3, 2, 9, 17}, {2, 17, 33}}},
      {"dormouse",
       "ConvGradInput",
       {{2, 37, 7, 6}, {37, 5, 3, 3}, {2, 5, 13, 11}},
       sliding({2, 2}, {1, 1, 1, 1}, {1, 1}, 1)},
      {"dormouse",
       "ConvGradWeight",
       {{2, 5, 13, 11}, {2, 37, 13, 11}, {37, 5, 3, 3}},
       sliding({1, 1}, {1, 1, 1, 1}, {1, 1}, 1)},
  };
  return all;
}

/// A product of inputs, and behind it what `with` makes of it.
template <class F>
Case made_of(const Product& product, F with) {
  std::mt19937 random(kSeed);
  const Sample sample{.shapes = product.shapes, .attributes = product.attributes, .low = -1, .high = 1};
  Case made = make_case(*find_op(product.domain, product.op), sample, SIZE_MAX, random);
  made.graph.set_outputs({with(Value{&made.graph, made.graph.outputs()[0]}).id});
  return made;
}

Value number(Value like, float value) { return constant(*like.graph, Tensor::from<float>({}, {value})); }

/// What a graph, run once on the device, took.
std::vector<Program::Part> parts(const Driver& driver, const Case& made) {
  Partition partition{&made.graph, std::vector<std::size_t>(made.graph.nodes().size()), made.graph.inputs(),
                      made.graph.outputs()};
  std::iota(partition.nodes.begin(), partition.nodes.end(), 0);
  const auto workspace = driver.open_workspace();
  const auto program = driver.compile(partition, *workspace, true);
  std::vector<View> from, to;
  for (const Tensor& input : made.inputs) from.push_back(view_of(input));
  std::vector<Tensor> outputs;
  for (const ValueId id : made.graph.outputs()) outputs.emplace_back(DType::f32, made.graph.value(id).shape);
  for (const Tensor& output : outputs) to.push_back(view_of(output));
  program->run(from, to);
  return program->parts();
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator(file), {}};
}

TEST_CASE("products are the same however Vulkan cuts them", "[vulkan]") {
  const vulkan::VulkanDriver* const device = vulkan_device();
  if (!device) return;
  REQUIRE(device->tiles().size() > 4);
  std::vector<std::vector<Tensor>> expected;
  std::vector<Case> made;
  for (const Product& product : products()) {
    made.push_back(made_of(product, [](Value y) { return y; }));
    expected.push_back(interpret(made.back().graph, made.back().inputs));
  }
  // Compiled for a CPU, each takes half a second: the first two on every tile, the others by turns.
  std::size_t turn = 0;
  for (vulkan::Tile tile : device->tiles()) {
    tile.spread = turn % 2 == 0 ? 4 : 0;
    INFO(vulkan::to_string(tile));
    const vulkan::VulkanDriver driver({.device = vulkan_device_name(), .tile = tile});
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}, 2 + turn++ % 3}) {
      INFO(products()[i].op << " on " << to_string(products()[i].shapes[0]) << ", seed " << kSeed);
      REQUIRE(takes(driver, made[i].graph));
      check_close(run_on(driver, made[i].graph, made[i].inputs), expected[i]);
    }
  }
}

TEST_CASE("an activation behind a product takes no dispatch on Vulkan", "[vulkan]") {
  const vulkan::VulkanDriver* const driver = vulkan_device();
  if (!driver) return;
  const Product whole{"", "Conv", {{1, 3, 8, 8}, {4, 3, 3, 3}, {4}}},
      split{"", "Gemm", {{1, 300}, {20, 300}}, {{"transB", std::int64_t{1}}}},
      by_channel{"", "Conv", {{1, 6, 7, 7}, {6, 1, 3, 3}}, sliding({1, 1}, {1, 1, 1, 1}, {1, 1}, 6)};
  const auto bounded = [](Value y) { return apply("Clip", {y, number(y, -0.25f), number(y, 0.5f)}); };
  const std::vector<std::function<Value(Value)>> activations{
      [](Value y) { return apply("Relu", {y}); },
      bounded,
      [](Value y) {
        return apply("LeakyRelu", {y}, {{"alpha", 0.3f}});
      },
      [](Value y) { return apply("HardSwish", {y}); },
      [](Value y) {
        return apply("HardSigmoid", {y}, {{"alpha", 0.4f}});
      },
      [](Value y) { return apply("Sigmoid", {y}); },
      [](Value y) {
        return apply("Swish", {y}, {{"alpha", 1.5f}});
      }};
  for (const Product& product : {whole, split, by_channel}) {
    const std::size_t alone = parts(*driver, made_of(product, [](Value y) { return y; })).size();
    for (std::size_t i = 0; i < activations.size(); ++i) {
      INFO("activation " << i << " behind " << product.op);
      const Case made = made_of(product, activations[i]);
      CHECK(parts(*driver, made).size() == alone);
      check_close(run_on(*driver, made.graph, made.inputs), interpret(made.graph, made.inputs));
      // Where both are read, both are there.
      const Case both = made_of(product, [&](Value y) { return activations[i](y) - y; });
      check_close(run_on(*driver, both.graph, both.inputs), interpret(both.graph, both.inputs));
    }
  }
}

Value joined(std::initializer_list<Value> parts, std::int64_t axis) {
  return apply("Concat", parts, {{"axis", axis}});
}

TEST_CASE("what is joined in one run on Vulkan is computed where it belongs", "[vulkan]") {
  const vulkan::VulkanDriver* const driver = vulkan_device();
  if (!driver) return;
  Case made;
  std::mt19937 random(kSeed);
  const auto input = [&](Shape shape) {
    made.inputs.push_back(conformance::draw(DType::f32, shape, -1, 1, random));
    return Value{&made.graph, made.graph.add_input("", DType::f32, std::move(shape))};
  };
  const auto answers = [&](std::vector<Value> outputs) {
    std::vector<ValueId> ids;
    for (const Value& output : outputs) ids.push_back(output.id);
    made.graph.set_outputs(ids);
    check_close(run_on(*driver, made.graph, made.inputs), interpret(made.graph, made.inputs));
    return parts(*driver, made).size();
  };
  const Value x = input({1, 4, 4, 8});

  SECTION("each part is written there, and a whole may be a part") {
    const Value a = sqrt(apply("Abs", {x})),
                pooled = apply("MaxPool", {x}, pool({1, 1}, {1, 1}, {0, 0, 0, 0}));
    const Value both = joined({a, pooled}, 1);
    const Value b = apply("MaxPool", {both}, pool({3, 3}, {1, 1}, {1, 1, 1, 1}));
    const Value all = joined({both, b}, 1);
    CHECK(answers({reduce_sum(all, {1}, false), both}) == 4);
  }
  SECTION("what is given, read twice, seen otherwise or of several runs is copied") {
    const Value a = sqrt(apply("Abs", {x}));
    const Value seen = reshape(a, {1, 8, 4, 4});
    const Value twice = joined({a, x, a}, 1), again = joined({seen, seen}, 1), within = joined({a, a}, 2);
    const Value odd = joined(
        {apply("Slice", {x, integers(made.graph, {0}), integers(made.graph, {3}), integers(made.graph, {3})}),
         a},
        3);
    answers({twice, again, within, odd, exp(twice)});
  }
  SECTION("a part that begins where no buffer may is copied") {
    const Value y = input({1, 3}), z = input({1, 5});
    answers({joined({exp(y), exp(z), exp(y) * exp(y)}, 1)});
  }
}

TEST_CASE("weights that are no more than f16 lose nothing as such on Vulkan", "[vulkan]") {
  const vulkan::VulkanDriver *const with = vulkan_device(), *const without = plain_vulkan_device();
  if (!with) return;
  std::mt19937 random(kSeed);
  const auto halved = [&](Shape shape) {
    Tensor drawn = conformance::draw(DType::f32, std::move(shape), -1, 1, random);
    for (float& x : drawn.mutable_values<float>()) x = to_float(to_half(x));
    drawn.mutable_values<float>()[0] = -0x1p-24f;  // the least there is
    drawn.mutable_values<float>()[1] = 65504;      // the largest
    return drawn;
  };
  for (const Product& product : {Product{"", "Gemm", {{3, 65}, {33, 65}}, {{"transB", std::int64_t{1}}}},
                                 Product{"", "Gemm", {{65, 33}, {65, 31}}, {{"transA", std::int64_t{1}}}},
                                 Product{"", "MatMul", {{2, 5, 33}, {2, 33, 35}}},
                                 Product{"", "Conv", {{1, 5, 9, 7}, {25, 5, 3, 3}}}}) {
    INFO(product.op << ", seed " << kSeed);
    Graph graph;
    const ValueId x = graph.add_input("x", DType::f32, product.shapes[0]),
                  w = graph.add_constant("w", halved(product.shapes[1]));
    graph.set_outputs(graph.add_node(*find_op(product.domain, product.op), {x, w}, product.attributes));
    const std::array inputs{conformance::draw(DType::f32, product.shapes[0], -1, 1, random)};
    const auto expected = interpret(graph, inputs), made = run_on(*with, graph, inputs);
    check_close(made, expected);
    const auto same = run_on(*without, graph, inputs);  // to the bit
    CHECK(std::ranges::equal(made[0].values<float>(), same[0].values<float>()));
  }
}

TEST_CASE("weights that are no more than f16 take half the memory on Vulkan", "[vulkan]") {
  if (!vulkan_device()) return;
  Graph graph;
  const ValueId x = graph.add_input("x", DType::f32, {1, 1024}),
                w = graph.add_constant("w", Tensor(DType::f32, {1024, 2048}));
  graph.set_outputs(graph.add_node(*find_op("", "MatMul"), {x, w}));
  const std::array inputs{Tensor(DType::f32, {1, 1024})};
  const auto taken = [&](bool plain) {
    const vulkan::VulkanDriver driver({.device = vulkan_device_name(), .plain = plain});
    const Driver* const drivers[] = {&driver};
    const Session session(graph, drivers);
    session.run(inputs);
    return driver.allocated();
  };
  const std::size_t halves = 1024 * 2048 * 2;
  CHECK(taken(false) + halves <= taken(true) + (halves >> 4));
}

TEST_CASE("how products are best cut is measured once, and kept", "[vulkan]") {
  if (!vulkan_device()) return;
  const TemporaryFolder folder;
  const std::filesystem::path file = folder / "cache/tiles";
  const auto open = [&](std::chrono::nanoseconds tuning) {
    return vulkan::VulkanDriver(
        {.device = vulkan_device_name(), .tiles = file, .tuning = tuning, .tunes_any = true});
  };
  const Case made = made_of({"", "MatMul", {{33, 40}, {40, 50}}}, [](Value y) { return y; });
  const auto answers = [&](const vulkan::VulkanDriver& driver) {
    check_close(run_on(driver, made.graph, made.inputs), interpret(made.graph, made.inputs));
  };
  answers(open(0s));
  CHECK_FALSE(std::filesystem::exists(file));
  answers(open(10s));
  const std::string kept = contents(file);
  CHECK(std::ranges::count(kept, '\n') >= 2);
  answers(open(10s));
  CHECK(contents(file) == kept);

  SECTION("a damaged file costs what it said") {
    std::ofstream(file) << kept.substr(0, kept.size() / 2) << " what?\n";
    answers(open(0s));
    answers(open(10s));
    CHECK(std::ranges::count(contents(file), '\n') >= 2);
  }
  SECTION("another way of cutting that is remembered is taken") {
    // The last word of the class's key but one, as the tuner names what it found.
    const auto key = kept.substr(kept.find('\n') + 1, 32);
    std::ofstream(file) << "dormouse measurements 1\n"
                        << key << " 1 2 1 0\n"
                        << key << "-16x64x16-1x1-0 1 2 1 0\n";
    const vulkan::VulkanDriver driver = open(0s);
    const auto took = parts(driver, made);
    REQUIRE(took.size() == 1);
    CHECK(took[0].name == "MatMul (product 1 3 1)");
    answers(driver);
  }
}

TEST_CASE("memory is foreseen for however products may come to be cut on Vulkan", "[vulkan]") {
  if (!vulkan_device()) return;
  const Case made = made_of({"", "MatMul", {{512, 1024}, {1024, 512}}}, [](Value y) { return y; });
  const Partition partition{&made.graph, {0}, made.graph.inputs(), made.graph.outputs()};
  const auto foreseen = [&](std::optional<vulkan::Tile> tile) {
    const vulkan::VulkanDriver driver(
        {.device = vulkan_device_name(), .tuning = 1s, .tunes_any = true, .tile = tile});
    return driver.foresee(partition).workspace;
  };
  if (!vulkan_device()->unified()) return;
  const std::size_t most = foreseen({});
  for (const vulkan::Tile& tile : vulkan_device()->tiles()) {
    if (tile.rows > 1) continue;  // the largest are tried on more only
    INFO(vulkan::to_string(tile));
    CHECK(foreseen(tile) <= most);
  }
}

TEST_CASE("what is chosen by how fast Vulkan is is kept when its products are tuned, not before",
          "[vulkan]") {
  if (!vulkan_device()) return;
  const TemporaryFolder folder;
  const Case made = made_of({"", "MatMul", {{32, 512}, {512, 32}}}, [](Value y) { return y; });
  const Partition partition{&made.graph, {0}, made.graph.inputs(), made.graph.outputs()};
  const xnnpack::XnnpackDriver cpu;
  const Driver* const others[] = {&cpu};
  const auto measured = [&](std::chrono::nanoseconds tuning) {
    const vulkan::VulkanDriver driver(
        {.device = vulkan_device_name(), .tiles = folder.file("tiles"), .tuning = tuning, .tunes_any = true});
    const WatchedDriver watched(driver, "the device", "it");
    Measurements measurements(folder.file("measured"));
    const MeasuredDriver chooses(watched, others, 1, measurements);
    chooses.worthwhile(partition);
    CHECK(chooses.verdicts().size() == 1);
    return driver.tuned(partition);
  };
  const auto lines = [&] {
    const std::string kept = contents(folder.file("measured"));
    return std::ranges::count(kept, '\n');
  };
  CHECK_FALSE(measured(1ns));
  CHECK(lines() == 1);
  CHECK(measured(10s));
  CHECK(lines() == 2);
  std::filesystem::remove(folder.file("tiles"));
  std::filesystem::remove(folder.file("measured"));
  CHECK(measured(0s));  // as it ever will be
  CHECK(lines() == 2);
}

}  // namespace
}  // namespace dormouse::drivers
