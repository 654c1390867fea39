#include "engine/parallel.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <random>
#include <thread>

#include "engine/autodiff.h"
#include "engine/op.h"
#include "engine/session.h"

using namespace dormouse;
using namespace dormouse::engine;

namespace {

constexpr unsigned kSeed = 7;

/// A thread a task, and a count of them.
class TestThreads final : public Parallel {
 public:
  std::size_t threads() const override { return 3; }
  void run(std::size_t tasks, const std::function<void(std::size_t)>& task) const override {
    most = std::max(most, tasks);
    std::vector<std::thread> all;
    for (std::size_t i = 0; i < tasks; ++i) all.emplace_back([&, i] { task(i); });
    for (std::thread& thread : all) thread.join();
  }
  mutable std::size_t most = 0;
};

/// A driver that computes nothing itself, and lends its threads.
class TestDriver final : public Driver {
 public:
  std::string_view name() const override { return "test"; }
  bool supports(const Graph&, const Node&) const override { return false; }
  bool worthwhile(const Partition&) const override { return false; }
  std::shared_ptr<Workspace> open_workspace() const override { return nullptr; }
  std::unique_ptr<Program> compile(const Partition&, Workspace&, bool) const override { return nullptr; }
  ProgramMemory foresee(const Partition&) const override { return {}; }
  const Parallel* parallel() const override { return &lent; }
  TestThreads lent;
};

Tensor normal(Shape shape, std::mt19937& random) {
  Tensor tensor(DType::f32, std::move(shape));
  std::normal_distribution<float> draw(0, 0.2f);
  for (float& value : tensor.mutable_values<float>()) value = draw(random);
  return tensor;
}

/// Convolutions, pools and products with all their gradients.
Graph training_graph() {
  using Integers = std::vector<std::int64_t>;
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {13, 3, 24, 20})};
  const Value first{&graph, graph.add_input("first", DType::f32, {10, 3, 3, 3})};
  const Value second{&graph, graph.add_input("second", DType::f32, {8, 5, 5, 3})};
  const Value third{&graph, graph.add_input("third", DType::f32, {400, 8 * 6 * 5})};
  Value y = relu(apply("Conv", {x, first}, {{"pads", Integers{1, 1, 1, 1}}}));
  y = apply("MaxPool", {y},
            {{"kernel_shape", Integers{3, 2}}, {"strides", Integers{2, 2}}, {"pads", Integers{1, 0, 0, 0}}});
  y = tanh(apply("Conv", {y, second},
                 {{"group", std::int64_t{2}}, {"strides", Integers{2, 2}}, {"pads", Integers{2, 1, 2, 1}}}));
  y = apply("Gemm", {apply("Flatten", {y}), third}, {{"transB", std::int64_t{1}}});
  const Value loss = reduce_sum(y * y, {0, 1}, false);
  std::vector<ValueId> outputs =
      differentiate(graph, loss.id, std::array{x.id, first.id, second.id, third.id});
  outputs.push_back(y.id);
  graph.set_outputs(std::move(outputs));
  return graph;
}

std::vector<Tensor> inputs_for(const Graph& graph, std::mt19937& random) {
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) inputs.push_back(normal(graph.value(id).shape, random));
  return inputs;
}

}  // namespace

TEST_CASE("parts are even, cover everything once, and are no more than there are threads", "[parallel]") {
  const TestThreads threads;
  for (const std::int64_t items : {1, 2, 3, 7, 100}) {
    const std::int64_t parts = parts_of(&threads, items, 1'000'000);
    CHECK(parts == std::min<std::int64_t>(items, 3));
    std::vector<std::int64_t> seen(static_cast<std::size_t>(items));
    in_parts(&threads, parts, items, [&](std::int64_t, std::int64_t first, std::int64_t end) {
      CHECK(end - first <= items / parts + 1);
      for (std::int64_t i = first; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
    });
    CHECK(seen == std::vector<std::int64_t>(static_cast<std::size_t>(items), 1));
  }
  CHECK(parts_of(&threads, 1000, 1) == 1);  // not worth waking anyone
  CHECK(parts_of(nullptr, 1000, 1'000'000) == 1);
}

TEST_CASE("kernels on several threads agree with one, and with themselves to the bit", "[parallel]") {
  INFO("seed " << kSeed);
  std::mt19937 random(kSeed);
  const Graph graph = training_graph();
  const std::vector<Tensor> inputs = inputs_for(graph, random);
  const TestDriver driver;
  const std::array<const Driver*, 1> drivers{&driver};
  const Session alone(graph, {}), shared(graph, drivers);
  const std::vector<Tensor> expected = alone.run(inputs), once = shared.run(inputs),
                            again = shared.run(inputs);
  CHECK(driver.lent.most == 3);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("output " << i);
    const auto a = expected[i].values<float>(), b = once[i].values<float>();
    float largest = 0, difference = 0;
    for (std::size_t j = 0; j < a.size(); ++j) {
      largest = std::max(largest, std::abs(a[j]));
      difference = std::max(difference, std::abs(a[j] - b[j]));
    }
    CHECK(largest > 0);
    CHECK(difference <= 1e-5f * largest);
    CHECK(std::memcmp(once[i].data(), again[i].data(), once[i].byte_size()) == 0);
  }
}
