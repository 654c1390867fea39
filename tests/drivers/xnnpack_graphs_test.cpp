// Whole graphs through sessions: partitions, layouts, batches, threads.

#include <catch2/catch.hpp>
#include <cmath>
#include <thread>

#include "drivers/all_drivers.h"
#include "drivers/xnnpack/driver.h"
#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/session.h"
#include "engine/value.h"
#include "tests/conformance/sample_graph.h"
#include "tests/drivers/on_driver.h"

namespace dormouse::drivers {
namespace {

using namespace engine;
using conformance::draw;
using Integers = std::vector<std::int64_t>;

constexpr unsigned kSeed = 20;

Tensor weights(const Shape& shape, std::mt19937& random, double most = 0.4) {
  return draw(DType::f32, shape, -most, most, random);
}

Value convolution(Value x, const Shape& filter, std::int64_t group, std::mt19937& random, double most = 0.4) {
  Graph& graph = *x.graph;
  Integers pads(2 * (filter.rank() - 2), filter.back() / 2);
  return apply(
      "Conv",
      {x, constant(graph, weights(filter, random, most)), constant(graph, weights({filter[0]}, random))},
      {{"pads", pads}, {"group", group}});
}

/// A full convolution whose results are about as large as `x`.
Value mixing(Value x, std::int64_t from, std::int64_t to, std::int64_t window, std::mt19937& random) {
  const double most = std::sqrt(3.0 / static_cast<double>(from * window * window));
  return convolution(x, {to, from, window, window}, 1, random, most);
}

/// Convolution, pool, depthwise convolution with a residual, squeeze and excite, mean, linear layer, softmax.
Graph image_network(std::int64_t batch) {
  std::mt19937 random(kSeed);
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {batch, 3, 16, 12})};
  const Value a = relu(convolution(x, {8, 3, 3, 3}, 1, random));
  const Value b = apply("MaxPool", {a}, {{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}});
  const Value c = relu(convolution(b, {8, 1, 3, 3}, 8, random) + b);
  const Value gate = sigmoid(reduce_mean(c, {2, 3}, true));
  const Value d = c * gate * constant(graph, weights({8, 1, 1}, random));
  const Value features = reduce_mean(d, {2, 3}, false);
  const Value logits = apply(
      "Gemm", {features, constant(graph, weights({8, 5}, random)), constant(graph, weights({5}, random))});
  graph.set_outputs({softmax(logits).id, d.id});
  return graph;
}

/// A sensor's signal: convolutions over time, then every step through a matrix.
Graph signal_network(std::int64_t batch) {
  std::mt19937 random(kSeed);
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {batch, 6, 32})};
  const Value a = relu(convolution(x, {16, 6, 5}, 1, random));
  const Value b = tanh(convolution(a, {16, 16, 3}, 1, random)) * a;
  const Value steps = transpose(b, {0, 2, 1});
  const Value mixed = matmul(steps, constant(graph, weights({16, 4}, random)));
  graph.set_outputs({mixed.id, b.id, matmul(mixed, transpose(mixed, {0, 2, 1})).id});
  return graph;
}

std::vector<Tensor> input_for(const Graph& graph, std::int64_t batch) {
  std::mt19937 random(kSeed + 1);
  Shape shape = graph.value(graph.inputs()[0]).shape;
  shape[0] = batch;
  return {draw(DType::f32, shape, -1, 1, random)};
}

using Network = Graph (*)(std::int64_t);

/// XNNPACK and the portable kernels, even where the environment names another device.
Session session_of(Graph graph) {
  static const xnnpack::XnnpackDriver driver;
  const Driver* const drivers[] = {&driver};
  return Session(std::move(graph), drivers);
}

TEST_CASE("whole networks run on XNNPACK as on the portable kernels, for every batch", "[xnnpack]") {
  for (const Network network : {image_network, signal_network}) {
    const Session session = session_of(network(kDynamic));
    for (const std::int64_t batch : {1, 3, 8, 3}) {
      INFO("batch " << batch << ", seed " << kSeed);
      const auto inputs = input_for(session.graph(), batch);
      check_close(session.run(inputs), interpret(network(batch), inputs));
      CHECK(session.placement(inputs).size() == 1);
      CHECK(session.placement(inputs)[0].first == "xnnpack");
    }
  }
}

TEST_CASE("what stands behind a sum is done with it", "[xnnpack]") {
  std::mt19937 random(kSeed);
  INFO("seed " << kSeed);
  const Shape added = GENERATE(Shape{2, 5, 7}, Shape{7}, Shape{1}, Shape{5, 1});
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {2, 5, 7})};
  const Value y = constant(graph, weights(added, random));
  const Value below{&graph, graph.add_constant("below", Tensor::scalar(-0.5f))};
  const Value above{&graph, graph.add_constant("above", Tensor::scalar(0.5f))};
  graph.set_outputs({relu(x + y).id, relu(y + x).id, apply("Clip", {x + y, below, above}).id});
  const xnnpack::XnnpackDriver driver;
  const auto inputs = input_for(graph, 2);
  check_close(run_on(driver, graph, inputs), interpret(graph, inputs));
}

/// Blocks of a residual network, of `channels`: sums and what stands behind them in every way that they
/// occur.
Graph residual_network(std::int64_t batch, std::int64_t channels, std::int64_t window, std::mt19937& random) {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {batch, 3, 6, 5})};
  const auto block = [&](Value from) { return mixing(from, channels, channels, window, random); };
  const Value a = relu(convolution(x, {channels, 3, 3, 3}, 1, random));
  const Value b = relu(block(a) + a);
  const Value c = apply("Sum", {b, block(b)});
  const Value low = constant(graph, Tensor::scalar(-0.1f)), high = constant(graph, Tensor::scalar(0.2f));
  const Value d = apply("Clip", {block(c) + block(a), low, high});  // neither is there before the other
  const Value pads = constant(graph, Tensor::from<std::int64_t>({8}, {0, 0, 1, 1, 0, 0, 1, 1}));
  const Value cut = apply("MaxPool", {d}, {{"kernel_shape", Integers{3, 3}}, {"strides", Integers{1, 1}}});
  const Value e = relu(block(d) + apply("Pad", {cut, pads}));
  const Value read_twice = block(e);
  const Value f = relu(read_twice + e);
  const Value g = block(f) + constant(graph, weights({channels, 1, 1}, random));
  graph.set_outputs({b.id, g.id, (read_twice * f).id, relu(block(g) + reduce_mean(g, {2, 3}, true)).id});
  return graph;
}

TEST_CASE("sums behind convolutions are done with them", "[xnnpack]") {
  const std::int64_t batch = GENERATE(1, 2), channels = GENERATE(7, 70), window = GENERATE(1, 3);
  const std::size_t threads = GENERATE(1, 2);
  std::mt19937 random(kSeed);
  INFO("batch " << batch << ", " << channels << " channels, window " << window << ", seed " << kSeed);
  const Graph graph = residual_network(batch, channels, window, random);
  const auto inputs = input_for(graph, batch);
  check_close(run_on(xnnpack::XnnpackDriver({.threads = threads}), graph, inputs), interpret(graph, inputs));
}

TEST_CASE("filters larger than a cache give what small ones do", "[xnnpack]") {
  const std::int64_t batch = GENERATE(1, 2), window = GENERATE(1, 3);
  const std::size_t threads = GENERATE(1, 2);
  std::mt19937 random(kSeed);
  INFO("batch " << batch << ", window " << window << ", seed " << kSeed);
  const std::int64_t inputs = window == 1 ? 1200 : 140, outputs = window == 1 ? 140 : 150;
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {batch, inputs, 4, 4})};
  const Value y = mixing(x, inputs, outputs, window, random);
  graph.set_outputs({relu(y + mixing(x, inputs, outputs, window, random)).id});
  const auto given = input_for(graph, batch);
  check_close(run_on(xnnpack::XnnpackDriver({.threads = threads}), graph, given), interpret(graph, given));
}

TEST_CASE("channels of convolutions are shuffled where they lie", "[xnnpack]") {
  std::mt19937 random(kSeed);
  INFO("seed " << kSeed);
  const std::int64_t groups = GENERATE(2, 3);
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {2, 3, 5, 7})};
  const Value image = convolution(x, {12, 3, 3, 3}, 1, random);
  const Value swapped = transpose(reshape(image, {2, groups, 12 / groups, 5, 7}), {0, 2, 1, 3, 4});
  const Value shuffled = reshape(swapped, {2, 12, 5, 7});
  const Value merged_otherwise =
      reshape(transpose(reshape(image, {2, 4, 3, 5, 7}), {0, 2, 1, 3, 4}), {2, 3, 20, 7});
  graph.set_outputs({convolution(shuffled, {12, 4, 1, 1}, 3, random).id, shuffled.id, merged_otherwise.id});
  const xnnpack::XnnpackDriver driver;
  const auto inputs = input_for(graph, 2);
  check_close(run_on(driver, graph, inputs), interpret(graph, inputs));
}

TEST_CASE("an operator XNNPACK lacks splits a graph without changing it", "[xnnpack]") {
  std::mt19937 random(kSeed);
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {2, 3, 8, 8})};
  const Value a = relu(convolution(x, {4, 3, 3, 3}, 1, random));
  const Value b = apply("Erf", {a});
  graph.set_outputs({convolution(b, {2, 4, 1, 1}, 1, random).id, a.id});
  const auto inputs = input_for(graph, 2);
  const Session session = session_of(graph);
  check_close(session.run(inputs), interpret(graph, inputs));
  CHECK(session.placement(inputs).size() == 2);
}

TEST_CASE("many threads run one session", "[xnnpack]") {
  const std::size_t together = GENERATE(1, 2);  // threads on each inference
  const Session session(image_network(kDynamic), all_drivers(together));
  const auto expected = [](std::int64_t batch) {
    const Graph graph = image_network(batch);
    return interpret(graph, input_for(graph, batch));
  };
  const std::vector<Tensor> wanted[] = {expected(1), expected(2)};
  std::vector<std::vector<Tensor>> results(8);
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < results.size(); ++i)
    threads.emplace_back([&, i] {
      for (int repeat = 0; repeat < 20; ++repeat)
        results[i] = session.run(input_for(session.graph(), 1 + static_cast<std::int64_t>(i % 2)));
    });
  threads.clear();
  for (std::size_t i = 0; i < results.size(); ++i) check_close(results[i], wanted[i % 2]);
}

TEST_CASE("a driver with a thread pool computes the same", "[xnnpack]") {
  const xnnpack::XnnpackDriver driver({.threads = 2});
  const Graph graph = image_network(4);
  const auto inputs = input_for(graph, 4);
  check_close(run_on(driver, graph, inputs), interpret(graph, inputs));
}

TEST_CASE("weights at an address used before are not taken for the old ones", "[xnnpack]") {
  const xnnpack::XnnpackDriver driver;
  for (const std::int64_t batch : {1, 2, 1}) {  // each network frees its weights; addresses come again
    const Graph graph = signal_network(batch);
    const auto inputs = input_for(graph, batch);
    check_close(run_on(driver, graph, inputs), interpret(graph, inputs));
  }
}

TEST_CASE(
    "biases and clamps behind products and convolutions are theirs, unless something else reads between",
    "[xnnpack]") {
  for (const bool read : {false, true}) {
    std::mt19937 random(kSeed);
    Graph graph;
    const Value x{&graph, graph.add_input("x", DType::f32, {2, 7, 16})};
    const Value product = matmul(x, constant(graph, weights({16, 12}, random)));
    const Value sum = product + constant(graph, weights({12}, random));
    const Value image{&graph, graph.add_input("y", DType::f32, {2, 3, 6, 6})};
    const Value maps = convolution(image, {4, 3, 3, 3}, 1, random);
    const Value low = constant(graph, Tensor::scalar(-0.1f)), high = constant(graph, Tensor::scalar(0.2f));
    graph.set_outputs({tanh(relu(sum)).id, apply("Clip", {maps, low, high}).id});
    if (read)
      for (const Value value : {product, sum, maps}) graph.mark_output((value * value).id);
    const std::vector<Tensor> inputs{draw(DType::f32, {2, 7, 16}, -1, 1, random),
                                     draw(DType::f32, {2, 3, 6, 6}, -1, 1, random)};
    check_close(run_on(xnnpack::XnnpackDriver(), graph, inputs), interpret(graph, inputs));
  }
}

TEST_CASE("moving elements alone is not worth a hand-over", "[xnnpack]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {2, 3, 4})};
  const Value y = reshape(apply("Concat", {x, x}, {{"axis", std::int64_t{1}}}), {8, 6});
  graph.set_outputs({y.id});
  const auto inputs = input_for(graph, 2);
  const Session moves = session_of(graph);
  CHECK(moves.placement(inputs)[0].first == "reference");
  graph.set_outputs({matmul(y, transpose(y, {1, 0})).id});
  const Session computes = session_of(graph);
  CHECK(computes.placement(inputs)[0].first == "xnnpack");
}

}  // namespace
}  // namespace dormouse::drivers
