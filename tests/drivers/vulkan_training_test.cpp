// Steps of training, whole, on Vulkan as on the portable kernels.

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <numeric>
#include <thread>
#include <utility>

#include "engine/autodiff.h"
#include "engine/footprint.h"
#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/session.h"
#include "engine/value.h"
#include "engine/whole_program.h"
#include "learning/step.h"
#include "tests/conformance/sample_graph.h"
#include "tests/drivers/on_driver.h"
#include "tests/drivers/vulkan_device.h"

namespace dormouse::drivers {
namespace {

using namespace engine;
using Integers = std::vector<std::int64_t>;

constexpr unsigned kSeed = 23;

/// A step under construction: parameters are inputs, and what they become are outputs.
class StepGraph {
 public:
  Value input(Shape shape) { return {&graph, graph.add_input("", DType::f32, std::move(shape))}; }
  Value parameter(Shape shape) {
    parameters.push_back(input(std::move(shape)).id);
    return {&graph, parameters.back()};
  }
  Value linear(Value x, std::int64_t from, std::int64_t to) {
    return apply("Gemm", {x, parameter({to, from}), parameter({to})}, {{"transB", std::int64_t{1}}});
  }
  Value conv(Value x, std::int64_t from, std::int64_t to) {
    return apply("Conv", {x, parameter({to, from, 3, 3}), parameter({to})}, {{"pads", Integers{1, 1, 1, 1}}});
  }

  void finish(Value logits, std::string_view rule) {
    const Value loss = apply("SoftmaxCrossEntropy", {logits, input(logits.shape())}, {}, "dormouse");
    const std::vector<ValueId> gradients = differentiate(graph, loss.id, parameters);
    std::vector<ValueId> outputs{loss.id};
    const Value rate = constant(graph, Tensor::scalar(0.01f)), step = constant(graph, Tensor::scalar(2.0f));
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const Shape& shape = graph.value(parameters[i]).shape;
      std::vector<ValueId> inputs{parameters[i], gradients[i], input(shape).id};
      if (rule == "AdamW") inputs.push_back(apply("Abs", {input(shape)}).id);
      inputs.push_back(rate.id);
      if (rule == "AdamW") inputs.push_back(step.id);
      const auto updated = graph.add_node(*find_op("dormouse", rule), inputs, {},
                                          std::vector<std::string>(rule == "AdamW" ? 3 : 2));
      outputs.insert(outputs.end(), updated.begin(), updated.end());
    }
    graph.set_outputs(outputs);
  }

  Graph graph;
  std::vector<ValueId> parameters;
};

Graph perceptron() {
  StepGraph step;
  Value x = relu(step.linear(step.input({32, 40}), 40, 70));
  x = tanh(step.linear(x, 70, 33));
  step.finish(step.linear(x, 33, 10), "SgdMomentum");
  return std::move(step.graph);
}

Graph convolutional() {
  StepGraph step;
  const auto pool = [](Value x) {
    return apply("MaxPool", {x}, {{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}});
  };
  Value x = pool(relu(step.conv(step.input({5, 1, 12, 12}), 1, 6)));
  x = pool(relu(step.conv(x, 6, 8)));
  x = relu(step.linear(apply("Flatten", {x}), 8 * 3 * 3, 20));
  step.finish(step.linear(x, 20, 10), "AdamW");
  return std::move(step.graph);
}

/// Layer normalisation, attention, residuals.
Graph encoder() {
  StepGraph step;
  const Value x = step.input({2, 6, 8});
  const Value n = apply("LayerNormalization", {x, step.parameter({8}), step.parameter({8})});
  const Value q = matmul(n, step.parameter({8, 8})), k = matmul(n, step.parameter({8, 8})),
              v = matmul(n, step.parameter({8, 8}));
  const Value attended = x + apply("ScaledDotProductAttention", {q, k, v}, {{"scale", 0.35f}}, "dormouse");
  const Value wide = apply("Gelu", {matmul(attended, step.parameter({8, 16}))});
  const Value y = attended + matmul(wide, step.parameter({16, 8}));
  step.finish(step.linear(reduce_mean(y, {1}, false), 8, 4), "AdamW");
  return std::move(step.graph);
}

/// Oscillators of a LinOSS layer.
Graph oscillators() {
  StepGraph step;
  const Value x = step.input({3, 50, 2, 9});
  const Value m = step.parameter({2, 2, 9}) * 0.5;
  const Value states = apply("OscillatorScan", {x, m}, {}, "dormouse");
  step.finish(step.linear(reshape(reduce_mean(states, {1}, false), {3, 18}), 18, 4), "SgdMomentum");
  return std::move(step.graph);
}

TEST_CASE("training steps on Vulkan are those of the portable kernels", "[vulkan]") {
  const vulkan::VulkanDriver* const driver = vulkan_device();
  if (!driver) return;
  for (const auto make : {perceptron, convolutional, encoder, oscillators}) {
    const Graph graph = make();
    const Driver* const drivers[] = {driver};
    const Session session(graph, drivers);
    std::mt19937 random(kSeed);
    std::vector<Tensor> inputs;
    for (const ValueId id : graph.inputs())
      inputs.push_back(conformance::draw(DType::f32, graph.value(id).shape, -0.5, 0.5, random));
    INFO("nodes " << graph.nodes().size() << ", seed " << kSeed);
    check_close(session.run(inputs), interpret(graph, inputs));
    const auto placement = session.placement(inputs);
    CHECK(placement.size() == 1);
    CHECK(placement.at(0).first == "vulkan");
  }
}

/// What a step's graph is given: drawn at first, then what it gave before.
class Steps {
 public:
  explicit Steps(const Graph& graph) {
    std::mt19937 random(kSeed);
    for (const ValueId id : graph.inputs())
      inputs.push_back(conformance::draw(DType::f32, graph.value(id).shape, -0.5, 0.5, random));
  }
  /// Each output behind the loss becomes the first input of its shape that none before it became.
  void feed_back(const std::vector<Tensor>& outputs) {
    std::vector<std::size_t> free(inputs.size());
    std::iota(free.begin(), free.end(), 0);
    for (std::size_t i = 1; i < outputs.size(); ++i) {
      const auto place =
          std::ranges::find_if(free, [&](std::size_t k) { return inputs[k].shape() == outputs[i].shape(); });
      REQUIRE(place != free.end());
      inputs[*place] = outputs[i];
      free.erase(place);
    }
  }
  std::vector<Tensor> inputs;
};

std::vector<Tensor> copies(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> result;
  for (const Tensor& tensor : tensors) result.push_back(tensor.clone());
  return result;
}

TEST_CASE("what a step gives to the next stays on the device, and can be read", "[vulkan]") {
  for (const vulkan::VulkanDriver* const driver : {vulkan_device(), staged_vulkan_device()}) {
    if (!driver) return;
    for (const auto make : {perceptron, convolutional}) {
      const Graph graph = make();
      const Driver* const drivers[] = {driver};
      const Session session(graph, drivers, {.feeds_back = true});
      Steps here(graph), should(graph);
      std::vector<std::vector<Tensor>> made, at_once;
      const std::size_t before = driver->copies();
      for (int step = 0; step < 5; ++step) {
        made.push_back(session.run(here.inputs));
        at_once.push_back(copies(made.back()));
        const std::vector<Tensor> expected = interpret(graph, should.inputs);
        INFO("step " << step);
        check_close(made.back(), expected);
        CHECK(vulkan::is_resident(made.back()[1]));
        CHECK(made.back()[0].buffer()->writable());
        here.feed_back(made.back());
        should.feed_back(expected);
      }
      if (driver->unified()) CHECK(driver->copies() == before);  // shaders read and write where it stays
      // Steps do not write to what an earlier one has given.
      for (std::size_t step = 0; step < made.size(); ++step) check_close(made[step], at_once[step]);
    }
  }
}

TEST_CASE("a step reads what has stayed on the device from there", "[vulkan]") {
  const vulkan::VulkanDriver* const driver = staged_vulkan_device();
  if (!driver) return;
  const Graph graph = perceptron();
  const Driver* const drivers[] = {driver};
  const Session session(graph, drivers, {.feeds_back = true});
  Steps here(graph), should(graph);
  const std::vector<Tensor> first = session.run(here.inputs);
  here.feed_back(first);
  should.feed_back(copies(first));
  for (std::size_t i = 1; i < first.size(); ++i)
    std::fill_n(const_cast<std::byte*>(first[i].data()), first[i].byte_size(), std::byte{0x7f});
  check_close(session.run(here.inputs), interpret(graph, should.inputs));
}

/// Many parameters, and products that few tiles suit.
Graph narrow_step() {
  StepGraph step;
  step.finish(step.linear(step.input({16, 65'536}), 65'536, 24), "SgdMomentum");
  return std::move(step.graph);
}

/// What is taken of a device's memory after steps that each went on from the last.
std::size_t taken_by_steps(const vulkan::VulkanDriver& driver, const Graph& graph) {
  const Driver* const drivers[] = {&driver};
  const Session session(graph, drivers, {.feeds_back = true});
  Steps steps(graph);
  std::size_t most = 0;
  for (int step = 0; step < 4; ++step) {
    steps.feed_back(session.run(steps.inputs));
    most = std::max(most, driver.allocated());
  }
  return most;
}

TEST_CASE("a training step takes the device memory that was foreseen, and no more when tuned", "[vulkan]") {
  if (!vulkan_device() || !vulkan_device()->unified()) return;
  const vulkan::VulkanDriver driver(
      {.device = vulkan_device_name(), .tuning = std::chrono::seconds(10), .tunes_any = true});
  const Graph graph = narrow_step();
  std::vector<Shape> shapes;
  std::size_t given = std::size_t{1} << 18;  // constants, however few, take a block
  for (const ValueId id : graph.inputs()) {
    shapes.push_back(graph.value(id).shape);
    given += static_cast<std::size_t>(shapes.back().elements()) * 4;
  }
  const Driver* const drivers[] = {&driver};
  const Footprint foreseen = foresee(graph, shapes, drivers);
  CHECK(taken_by_steps(driver, graph) <= foreseen.packed + foreseen.workspace + foreseen.outputs + given);
}

TEST_CASE("a training step that would keep more than the device may take is left to the CPU", "[vulkan]") {
  if (!vulkan_device()) return;
  const bool staged = GENERATE(false, true);
  const Graph graph = narrow_step();
  const std::size_t all =
      taken_by_steps(vulkan::VulkanDriver({.device = vulkan_device_name(), .staged = staged}), graph);
  const std::size_t allowed = all - (std::size_t{8} << 20);  // less than it keeps in one of two blocks
  const vulkan::VulkanDriver limited({.device = vulkan_device_name(), .staged = staged, .memory = allowed});
  CHECK(taken_by_steps(limited, graph) <= allowed);
}

TEST_CASE("a state that is joined of parts stays on the device whole", "[vulkan]") {
  constexpr std::int64_t kRows = 64, kWide = 16;
  Graph graph;
  const Value state{&graph, graph.add_input("state", DType::f32, {2 * kRows, kWide})};
  const Value x{&graph, graph.add_input("x", DType::f32, {kRows, kWide})};
  const Value mean = reduce_mean(reshape(state, {2, kRows, kWide}), {0}, false);
  const Value joined = apply("Concat", {mean + x, tanh(mean * x)}, {{"axis", std::int64_t{0}}});
  graph.set_outputs({reduce_mean(x, {0, 1}, false).id, joined.id});
  for (const vulkan::VulkanDriver* const driver : {vulkan_device(), staged_vulkan_device()}) {
    if (!driver) return;
    const Driver* const drivers[] = {driver};
    const Session session(graph, drivers, {.feeds_back = true});
    Steps here(graph), should(graph);
    for (int step = 0; step < 5; ++step) {
      const std::vector<Tensor> made = session.run(here.inputs), expected = interpret(graph, should.inputs);
      INFO("step " << step);
      check_close(made, expected);
      CHECK(vulkan::is_resident(made[1]));
      here.feed_back(made);
      should.feed_back(expected);
    }
  }
}

/// A device that fails for good in the run behind the first `good` ones.
class Failing final : public Driver {
 public:
  Failing(const Driver& driver, int good) : driver_(driver), good_(good) {}
  std::string_view name() const override { return "failing"; }
  bool supports(const Graph& graph, const Node& node) const override { return driver_.supports(graph, node); }
  bool worthwhile(const Partition& partition) const override { return driver_.worthwhile(partition); }
  std::shared_ptr<Workspace> open_workspace() const override { return driver_.open_workspace(); }
  std::unique_ptr<Program> compile(const Partition& partition, Workspace& workspace,
                                   bool measure) const override {
    return std::make_unique<Runs>(driver_.compile(partition, workspace, measure), good_);
  }
  ProgramMemory foresee(const Partition& partition) const override { return driver_.foresee(partition); }

 private:
  class Runs final : public Program, public WholeProgram {
   public:
    Runs(std::unique_ptr<Program> program, int good) : program_(std::move(program)), good_(good) {}
    void run(std::span<const View>, std::span<const View>) override { FAIL("run as a whole program"); }
    std::vector<Tensor> run_whole(std::span<const Tensor* const> inputs) override {
      if (good_-- == 0) throw Failure(Errc::unavailable, "the device has gone");
      return dynamic_cast<WholeProgram&>(*program_).run_whole(inputs);
    }

   private:
    std::unique_ptr<Program> program_;
    int good_;
  };

  const Driver& driver_;
  int good_;
};

TEST_CASE("no step is lost when the device fails", "[vulkan]") {
  for (const vulkan::VulkanDriver* const driver : {vulkan_device(), staged_vulkan_device()}) {
    if (!driver) return;
    const Graph graph = perceptron();
    const Failing failing(*driver, 3);
    const Driver* const drivers[] = {&failing};
    const Session session(graph, drivers, {.feeds_back = true});
    Steps here(graph), should(graph);
    for (int step = 0; step < 6; ++step) {
      const std::vector<Tensor> made = session.run(here.inputs), expected = interpret(graph, should.inputs);
      INFO("step " << step);
      check_close(made, expected);
      CHECK(vulkan::is_resident(made[1]) == (step < 3));
      here.feed_back(made);
      should.feed_back(expected);
    }
  }
}

/// One layer, on so many rows that they are sent ahead.
Graph wide_step() {
  StepGraph step;
  step.finish(step.linear(step.input({5000, 64}), 64, 10), "SgdMomentum");
  return std::move(step.graph);
}

TEST_CASE("batches are sent while a step runs", "[vulkan]") {
  const vulkan::VulkanDriver* const driver = staged_vulkan_device();
  if (!driver) return;
  const Graph graph = wide_step();
  const Driver* const drivers[] = {driver};
  const Session session(graph, drivers, {.feeds_back = true});
  Steps here(graph), should(graph);
  std::vector<Tensor> batches;
  std::mt19937 random(kSeed);
  for (int i = 0; i < 6; ++i)
    batches.push_back(conformance::draw(DType::f32, here.inputs[0].shape(), -1, 1, random));
  Tensor next = driver->sent(batches[0]);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    here.inputs[0] = std::exchange(next, Tensor());
    should.inputs[0] = batches[i];
    CHECK(vulkan::is_resident(here.inputs[0]));
    std::thread sender([&] { next = driver->sent(batches[(i + 1) % batches.size()]); });
    const std::vector<Tensor> made = session.run(here.inputs);
    sender.join();
    const std::vector<Tensor> expected = interpret(graph, should.inputs);
    check_close(made, expected);
    here.feed_back(made);
    should.feed_back(expected);
  }
  const Tensor small(DType::f32, {10});
  CHECK_FALSE(vulkan::is_resident(driver->sent(small)));
  CHECK(vulkan::is_resident(vulkan_device()->sent(batches[0])) != vulkan_device()->unified());
}

TEST_CASE("no step is lost whenever the device is, while it computes or something is carried", "[vulkan]") {
  if (!vulkan_device()) return;
  const Graph graph = wide_step();
  constexpr int kSteps = 3;
  bool all = false;
  for (int good = 0; !all; ++good) {
    REQUIRE(good < 20);
    int left = good;
    const vulkan::VulkanDriver driver(
        {.device = vulkan_device()->device_name(), .staged = true, .loses = [&left] { return left-- == 0; }});
    const Driver* const drivers[] = {&driver};
    const Session session(graph, drivers, {.feeds_back = true});
    Steps here(graph), should(graph);
    INFO(good << " pieces of work are done");
    Tensor next = driver.sent(here.inputs[0]);
    std::vector<Tensor> made, expected;
    for (int step = 0; step < kSteps; ++step) {
      here.inputs[0] = next;
      next = driver.sent(should.inputs[0]);
      made = session.run(here.inputs);
      expected = interpret(graph, should.inputs);
      here.feed_back(made);
      should.feed_back(expected);
    }
    check_close(made, expected);
    check_close(here.inputs, should.inputs);
    all = left >= 0;
    CHECK(session.placement(should.inputs).at(0).first == (all ? "vulkan" : "reference"));
    made.clear();  // before the driver goes
    here.inputs.clear();
    next = Tensor();
  }
}

TEST_CASE("a trainer's parameters stay on the device between steps", "[vulkan]") {
  const vulkan::VulkanDriver* const driver = staged_vulkan_device();
  if (!driver) return;
  constexpr std::int64_t kRows = 8, kWide = 12, kHidden = 20, kClasses = 4;
  std::mt19937 random(kSeed);
  const auto drawn = [&](Shape shape) { return conformance::draw(DType::f32, shape, -0.5, 0.5, random); };
  Graph part;
  Value x{&part, part.add_input("latent", DType::f32, {kDynamic, kWide})};
  const auto linear = [&](std::int64_t from, std::int64_t to) {
    return apply("Gemm", {x, constant(part, drawn({to, from})), constant(part, drawn({to}))},
                 {{"transB", std::int64_t{1}}});
  };
  x = relu(linear(kWide, kHidden));
  x = linear(kHidden, kClasses);
  part.set_outputs({x.id});
  const Tensor latents = drawn({kRows, kWide});
  const std::vector<learning::ClassIndex> classes{0, 1, 2, 3, 3, 2, 1, 0};
  const Tensor targets = learning::one_hot(classes, kClasses);
  for (const int good : {100, 2}) {
    const Failing failing(*driver, good);  // and will not be run but whole
    const Driver* const drivers[] = {&failing};
    learning::Trainer here(part, nullptr, {.drivers = drivers}), should(part, nullptr, {});
    for (int step = 0; step < 5; ++step) {
      const float loss = here.step(latents, targets, {}, 0.1f);
      CHECK(loss == Approx(should.step(latents, targets, {}, 0.1f)).epsilon(1e-4));
    }
    for (const auto& [name, expected] : should.parameters()) {
      const Tensor actual = here.parameters().at(name);
      CHECK_FALSE(vulkan::is_resident(actual));
      check_close(std::array{actual}, std::array{expected});
    }
  }
}

}  // namespace
}  // namespace dormouse::drivers
