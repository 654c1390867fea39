// What plan and dispatch cost an inference: a small perceptron at batch 1, run by a session and by its
// kernels called bare, on the portable kernels and on every compute driver.
//
//   bench_dispatch [--rounds 2000]
//
// Bare calls leave out everything but the arithmetic: operands are bound once, one after the other they
// compute. The two take turns in short blocks. Held to: less than 2 µs between the medians.

#include <array>
#include <cstdio>
#include <random>

#include "drivers/all_drivers.h"
#include "engine/kernel_call.h"
#include "engine/plan.h"
#include "engine/session.h"
#include "engine/value.h"
#include "tests/bench/options.h"
#include "tests/bench/samples.h"

namespace dormouse::bench {
namespace {

using namespace engine;
using Drivers = std::span<const Driver* const>;

constexpr std::array<std::int64_t, 4> kWidths{64, 256, 256, 64};  // 98,880 parameters
constexpr double kMostMicroseconds = 2;
constexpr int kBlock = 20;
constexpr unsigned kSeed = 1;

Tensor drawn(Shape shape, std::mt19937& random) {
  Tensor tensor(DType::f32, std::move(shape));
  std::uniform_real_distribution<float> uniform(-0.1f, 0.1f);
  for (float& value : tensor.mutable_values<float>()) value = uniform(random);
  return tensor;
}

Graph perceptron(std::mt19937& random) {
  Graph graph;
  Value x{&graph, graph.add_input("x", DType::f32, {1, kWidths[0]})};
  for (std::size_t i = 0; i + 1 < kWidths.size(); ++i) {
    const Value w = constant(graph, drawn({kWidths[i], kWidths[i + 1]}, random));
    const Value b = constant(graph, drawn({kWidths[i + 1]}, random));
    x = apply("Gemm", {x, w, b});
    if (i + 2 < kWidths.size()) x = relu(x);
  }
  graph.mark_output(x.id);
  return graph;
}

/// The kernels and programs of a plan on operands of their own.
class Bare {
 public:
  Bare(const Graph& graph, const Tensor& input, Drivers drivers)
      : plan_(make_plan(graph, std::array{input.shape()}, drivers, std::size_t{1} << 30)) {
    const Graph& planned = plan_.graph;
    for (std::size_t i = 0; i < planned.value_count(); ++i) {
      const ValueInfo& value = planned.value(static_cast<ValueId>(i));
      values_.push_back(value.constant ? *value.constant : Tensor(value.dtype, value.shape));
    }
    values_[static_cast<std::size_t>(planned.inputs()[0])] = input;
    calls_.reserve(plan_.steps.size());
    for (Step& step : plan_.steps) bind(step);
  }

  void run() {
    for (Call& call : calls_) {
      if (call.program)
        call.program->run(call.inputs, call.outputs);
      else
        call.kernel.run({scratch_->writable_data(), call.kernel.scratch_bytes});
    }
  }

 private:
  struct Call {
    std::vector<View> inputs, outputs;
    std::shared_ptr<Workspace> workspace;
    std::unique_ptr<Program> program;
    KernelCall kernel;
  };

  std::vector<View> views(std::span<const ValueId> ids) const {
    std::vector<View> result;
    for (const ValueId id : ids) result.push_back(view_of(values_[static_cast<std::size_t>(id)]));
    return result;
  }

  void bind(Step& step) {
    step.partition.graph = &plan_.graph;
    Call& call = calls_.emplace_back();
    if (step.driver) {
      call.inputs = views(step.partition.inputs);
      call.outputs = views(step.partition.outputs);
      call.workspace = step.driver->open_workspace();
      call.program = step.driver->compile(step.partition, *call.workspace, false);
      return;
    }
    const Node& node = plan_.graph.nodes()[step.partition.nodes.front()];
    call.inputs = views(node.inputs);
    call.outputs = views(node.outputs);
    call.kernel = prepare(node, call.inputs, call.outputs);
    if (scratch_->size() < call.kernel.scratch_bytes) scratch_ = Buffer::allocate(call.kernel.scratch_bytes);
  }

  Plan plan_;
  std::vector<Tensor> values_;  ///< by value of the graph
  std::vector<Call> calls_;
  std::shared_ptr<Buffer> scratch_ = Buffer::allocate(0);
};

bool measure(const char* name, Drivers drivers, int rounds) {
  std::mt19937 random(kSeed);
  const Graph graph = perceptron(random);
  const std::array input{drawn({1, kWidths[0]}, random)};
  const Session session(graph, drivers);
  Bare bare(graph, input[0], drivers);
  Samples whole, kernels;
  for (int round = -rounds / 10; round < rounds; round += kBlock) {
    for (int i = 0; i < kBlock; ++i) {
      if (round >= 0)
        whole.time([&] { session.run(input); });
      else
        session.run(input);
    }
    for (int i = 0; i < kBlock; ++i) {
      if (round >= 0)
        kernels.time([&] { bare.run(); });
      else
        bare.run();
    }
  }
  const double overhead = whole.median() - kernels.median();
  const bool held = overhead < kMostMicroseconds;
  std::printf("%s  %-10s session %6.2f µs, kernels %6.2f µs: %5.2f µs for plan and dispatch (under %.0f)\n",
              held ? "PASS" : "FAIL", name, whole.median(), kernels.median(), overhead, kMostMicroseconds);
  return held;
}

int run(const Options& options) {
  const int rounds = static_cast<int>(options.number("rounds", 2000));
  bool held = measure("reference", {}, rounds);
  for (const Driver* const driver : drivers::all_drivers())
    held &= measure(std::string(driver->name()).c_str(), std::array{driver}, rounds);
  return held ? 0 : 1;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) { return dormouse::bench::guarded(argc, argv, dormouse::bench::run); }
