// What programs take: foreseen, shared, given back.

#include <catch2/catch.hpp>
#include <numeric>

#include "drivers/xnnpack/builder.h"
#include "drivers/xnnpack/driver.h"
#include "drivers/xnnpack/program.h"
#include "drivers/xnnpack/rehearsal.h"
#include "drivers/xnnpack/reserved.h"
#include "engine/interpreter.h"
#include "engine/kernel_call.h"
#include "engine/session.h"
#include "engine/value.h"
#include "tests/conformance/sample_graph.h"
#include "tests/drivers/on_driver.h"
#include "tests/resident.h"

namespace dormouse::drivers::xnnpack {
namespace {

using namespace engine;
using conformance::draw;

constexpr unsigned kSeed = 23;
constexpr std::int64_t kWide = 1024;

/// Two linear layers of 4 MiB each, and a convolution.
Graph network() {
  std::mt19937 random(kSeed);
  Graph graph;
  const auto weights = [&](const Shape& shape) {
    return constant(graph, draw(DType::f32, shape, -0.1, 0.1, random));
  };
  const Value x{&graph, graph.add_input("x", DType::f32, {1, 1, 8, 8})};
  const Value image = relu(apply("Conv", {x, weights({16, 1, 1, 1})}, {}));
  const Value hidden = relu(matmul(reshape(image, {1, kWide}), weights({kWide, kWide})));
  graph.set_outputs({matmul(hidden, weights({kWide, kWide})).id});
  return graph;
}

Partition whole(const Graph& graph) {
  Partition partition{&graph, std::vector<std::size_t>(graph.nodes().size()), graph.inputs(),
                      graph.outputs()};
  std::iota(partition.nodes.begin(), partition.nodes.end(), 0);
  return partition;
}

TEST_CASE("what weights take is known before they are packed", "[xnnpack]") {
  const XnnpackDriver driver;
  const Graph graph = network();
  const ProgramMemory foreseen = driver.foresee(whole(graph));
  PackedWeights weights;
  Workspace workspace;
  const Program program(whole(graph), weights, Threads{}, workspace, false);
  CHECK(foreseen.weights == weights.bytes());
  CHECK(foreseen.weights >= 2 * kWide * kWide * sizeof(float));
}

/// What a convolution of an image of so many rows holds beside its weights.
std::size_t own_bytes(std::int64_t rows, const Shape& filter) {
  std::mt19937 random(kSeed);
  Graph graph;
  const std::int64_t group = 16 / filter[1];
  const Value x{&graph, graph.add_input("x", DType::f32, {1, 16, rows, 100})};
  const Value weights = constant(graph, draw(DType::f32, filter, -1, 1, random));
  graph.set_outputs({apply("Conv", {x, weights}, {{"group", group}}).id});
  return XnnpackDriver().foresee(whole(graph)).own;
}

TEST_CASE("what a convolution holds does not grow with the height of its image", "[xnnpack]") {
  for (const Shape& filter : {Shape{16, 16, 3, 3}, Shape{16, 1, 3, 3}}) {
    INFO("filter " << to_string(filter));
    CHECK(own_bytes(1000, filter) < own_bytes(100, filter) + 4096);
  }
}

TEST_CASE("a rehearsal takes a piece of memory, however large the weights are", "[xnnpack]") {
  Rehearsal rehearsal;
  const std::size_t before = proc_bytes("/proc/self/status", "RssAnon");
  constexpr std::size_t kBytes = 200 << 20;
  std::byte* const somewhere = rehearsal.weights(kBytes);
  REQUIRE(somewhere);
  for (std::size_t i = 0; i < kBytes; i += 4096) somewhere[i] = std::byte{1};
#if defined(__SANITIZE_THREAD__)
  constexpr std::size_t kShadow = 4 * kBytes;  // every address has memory beside it
#else
  constexpr std::size_t kShadow = 0;
#endif
  CHECK(proc_bytes("/proc/self/status", "RssAnon") < before + (16 << 20) + kShadow);
  CHECK(rehearsal.taken().weights == kBytes);
}

TEST_CASE("a scratch serves one filter after the other", "[xnnpack]") {
  constexpr std::size_t kBytes = 100'000;
  Scratch scratch;
  Reserved first(kBytes), second(kBytes), third(kBytes / 2), fourth(2 * kBytes);
  first.take(scratch);
  std::fill_n(first.data(), kBytes, std::byte{1});
  second.take(scratch);  // which is elsewhere
  CHECK(second.data()[0] == std::byte{0});
  std::fill_n(second.data(), kBytes, std::byte{2});
  CHECK(first.data()[kBytes - 1] == std::byte{1});
  first.give_back();
  third.take(scratch);
  CHECK(third.data()[0] == std::byte{1});  // nobody zeroed it
  std::fill_n(third.data(), kBytes / 2, std::byte{3});
  CHECK(first.data()[0] == std::byte{0});
  CHECK(second.data()[kBytes - 1] == std::byte{2});
  third.give_back();
  CHECK(third.data()[0] == std::byte{0});
  fourth.take(scratch);
  std::fill_n(fourth.data(), 2 * kBytes, std::byte{4});
  CHECK(third.data()[0] == std::byte{0});
  first.take(scratch);  // again, in memory of its own
  CHECK(first.data()[0] == std::byte{0});
}

TEST_CASE("after a rehearsal programs are made in earnest again", "[xnnpack]") {
  const XnnpackDriver driver;
  const Graph graph = network();
  std::mt19937 random(kSeed);
  const std::vector<Tensor> inputs{draw(DType::f32, {1, 1, 8, 8}, -1, 1, random)};
  driver.foresee(whole(graph));
  check_close(run_on(driver, graph, inputs), interpret(graph, inputs));
}

TEST_CASE("programs of one workspace compute by turns in the memory of the largest", "[xnnpack]") {
  const XnnpackDriver driver;
  std::mt19937 random(kSeed);
  const auto workspace = driver.open_workspace();
  std::vector<std::unique_ptr<engine::Program>> programs;
  std::vector<Graph> graphs;
  for (const std::int64_t side : {4, 16, 8}) {  // the second makes the workspace of the first move
    Graph graph;
    const Value x{&graph, graph.add_input("x", DType::f32, {1, 4, side, side})};
    const Value filter = constant(graph, draw(DType::f32, {8, 4, 1, 1}, -1, 1, random));
    graph.set_outputs({relu(apply("Conv", {relu(x), filter}, {})).id});
    graphs.push_back(std::move(graph));
  }
  for (const Graph& graph : graphs) programs.push_back(driver.compile(whole(graph), *workspace, false));
  for (std::size_t i = 0; i < 2 * graphs.size(); ++i) {
    const Graph& graph = graphs[i % graphs.size()];
    const Tensor input = draw(DType::f32, graph.value(graph.inputs()[0]).shape, -1, 1, random);
    const Tensor output(DType::f32, graph.value(graph.outputs()[0]).shape);
    const View from = view_of(input), to = view_of(output);
    programs[i % graphs.size()]->run({&from, 1}, {&to, 1});
    check_close({&output, 1}, interpret(graph, {&input, 1}));
  }
}

}  // namespace
}  // namespace dormouse::drivers::xnnpack
