#include "engine/parallel.h"

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
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

/// A thread a task, and the most of them.
class TestThreads final : public Parallel {
 public:
  explicit TestThreads(std::size_t count) : count_(count) {}
  std::size_t threads() const override { return count_; }
  std::int64_t worthwhile() const override { return 10'000; }
  void run(std::size_t tasks, FunctionRef<void(std::size_t)> task) const override {
    most = std::max(most, tasks);
    std::vector<std::thread> all;
    for (std::size_t i = 0; i < tasks; ++i) all.emplace_back([&, i] { task(i); });
    for (std::thread& thread : all) thread.join();
  }
  mutable std::size_t most = 0;

 private:
  std::size_t count_;
};

/// A driver that computes nothing itself, and lends its threads.
class TestDriver final : public Driver, public LendsThreads {
 public:
  explicit TestDriver(std::size_t count) : threads(count) {}
  std::string_view name() const override { return "test"; }
  bool supports(const Graph&, const Node&) const override { return false; }
  bool worthwhile(const Partition&) const override { return false; }
  std::shared_ptr<Workspace> open_workspace() const override { return nullptr; }
  std::unique_ptr<Program> compile(const Partition&, Workspace&, bool) const override { return nullptr; }
  ProgramMemory foresee(const Partition&) const override { return {}; }
  const Parallel* lent() const override { return &threads; }
  TestThreads threads;
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

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.byte_size()) == 0;
}

}  // namespace

TEST_CASE("parts are even, cover everything once, and are no more than there are threads", "[parallel]") {
  const TestThreads threads(3);
  for (const std::int64_t items : {1, 2, 3, 7, 100}) {
    const std::int64_t parts = parts_of(&threads, items, 1'000'000);
    CHECK(parts == std::min<std::int64_t>(items, 3));
    std::vector<std::int64_t> seen(static_cast<std::size_t>(items));
    std::atomic<std::int64_t> longest = 0;
    in_parts(&threads, parts, items, [&](std::int64_t, std::int64_t first, std::int64_t end) {
      std::int64_t so_far = longest;
      while (so_far < end - first && !longest.compare_exchange_weak(so_far, end - first)) {
      }
      for (std::int64_t i = first; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
    });
    CHECK(longest <= items / parts + 1);
    CHECK(seen == std::vector<std::int64_t>(static_cast<std::size_t>(items), 1));
  }
  CHECK(parts_of(&threads, 1000, 1) == 1);  // not worth waking anyone
  CHECK(parts_of(nullptr, 1000, 1'000'000) == 1);
}

TEST_CASE("gradients are the same to the bit on any number of threads", "[parallel]") {
  INFO("seed " << kSeed);
  std::mt19937 random(kSeed);
  const Graph graph = training_graph();
  const std::vector<Tensor> inputs = inputs_for(graph, random);
  const std::vector<Tensor> expected = Session(graph, {}).run(inputs);
  for (const std::size_t threads : {2, 3, 5}) {
    const TestDriver driver(threads);
    const std::array<const Driver*, 1> drivers{&driver};
    const std::vector<Tensor> shared = Session(graph, drivers).run(inputs);
    CHECK(driver.threads.most == threads);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      INFO("output " << i << " on " << threads << " threads");
      CHECK(same_bits(expected[i], shared[i]));
    }
  }
}

TEST_CASE("an element-wise call in pieces is the call as a whole", "[parallel]") {
  std::mt19937 random(kSeed);
  const auto [a, b] = GENERATE(table<Shape, Shape>({{{1, 7, 1000}, {}},
                                                    {{1, 7, 1000}, {1, 1, 1}},
                                                    {{1, 7, 1000}, {7, 1000}},
                                                    {{1, 7, 1000}, {7, 1}},
                                                    {{1, 7, 1000}, {1000}},
                                                    {{7001}, {7001}},
                                                    {{7001}, {1}},
                                                    {{1, 1, 9, 800}, {9, 1}},
                                                    {{2500, 1}, {1, 3}},
                                                    {{20, 1, 30}, {1, 13, 1}}}));
  const bool swapped = GENERATE(false, true);
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, swapped ? b : a)};
  const Value y{&graph, graph.add_input("y", DType::f32, swapped ? a : b)};
  const Value difference = x - y;
  graph.set_outputs({difference.id, greater(x, y).id, where(greater(y, x), exp(x), difference).id});
  const std::vector<Tensor> inputs = inputs_for(graph, random);
  const TestDriver driver(3);
  const std::array<const Driver*, 1> drivers{&driver};
  const std::vector<Tensor> expected = Session(graph, {}).run(inputs);
  const std::vector<Tensor> shared = Session(graph, drivers).run(inputs);
  INFO(to_string(a) << " and " << to_string(b));
  CHECK(driver.threads.most == 3);
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(same_bits(expected[i], shared[i]));
}
