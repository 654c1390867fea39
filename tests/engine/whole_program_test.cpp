// Graphs that one program of a driver computes whole, run on what they gave before.

#include "engine/whole_program.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>

#include "engine/driver.h"
#include "engine/op.h"
#include "engine/session.h"
#include "engine/value.h"

using namespace dormouse;
using namespace dormouse::engine;

namespace {

/// Adds 1 to every input, in as many runs as it is good for.
class Adding final : public Program, public WholeProgram {
 public:
  Adding(const Partition& partition, int& good) : good_(good) {
    for (const ValueId id : partition.outputs) {
      const Node& node = *std::ranges::find_if(partition.graph->nodes(),
                                               [&](const Node& made) { return made.outputs[0] == id; });
      from_.push_back(static_cast<std::size_t>(std::ranges::find(partition.inputs, node.inputs[0]) -
                                               partition.inputs.begin()));
    }
  }
  void run(std::span<const View> inputs, std::span<const View> outputs) override {
    for (std::size_t i = 0; i < outputs.size(); ++i)
      outputs[i].values<float>()[0] = inputs[from_[i]].values<float>()[0] + 1;
  }
  std::vector<Tensor> run_whole(std::span<const Tensor* const> inputs) override {
    if (good_-- == 0) throw Failure(Errc::unavailable, "the device is lost");
    std::vector<Tensor> made;
    for (const std::size_t i : from_) made.push_back(Tensor::scalar(inputs[i]->values<float>()[0] + 1));
    return made;
  }

 private:
  std::vector<std::size_t> from_;
  int& good_;
};

class AddingDriver final : public Driver {
 public:
  explicit AddingDriver(int good) : good_(good) {}
  std::string_view name() const override { return "adding"; }
  bool supports(const Graph&, const Node& node) const override { return node.op->name == "Add"; }
  bool worthwhile(const Partition&) const override { return true; }
  std::shared_ptr<Workspace> open_workspace() const override { return std::make_shared<Workspace>(); }
  std::unique_ptr<Program> compile(const Partition& partition, Workspace&, bool) const override {
    return std::make_unique<Adding>(partition, good_);
  }
  ProgramMemory foresee(const Partition&) const override { return {}; }
  int left() const { return good_; }

 private:
  mutable int good_;
};

Value input(Graph& graph) { return {&graph, graph.add_input("", DType::f32, Shape{})}; }

/// (a, b) → (b + 1, a + 1).
Graph crossed() {
  Graph graph;
  const Value a = input(graph), b = input(graph), one = constant(graph, Tensor::scalar(1.0f));
  const Value first = b + one, second = a + one;
  graph.set_outputs({first.id, second.id});
  return graph;
}

float number(const Tensor& tensor) { return tensor.values<float>()[0]; }

}  // namespace

TEST_CASE("a step that feeds back is run as one program, and goes on without it", "[session]") {
  const AddingDriver driver(2);
  const Driver* const drivers[] = {&driver};
  const Session session(crossed(), drivers, {.feeds_back = true});
  std::vector<Tensor> values{Tensor::scalar(10.0f), Tensor::scalar(20.0f)};
  for (int run = 0; run < 4; ++run) values = session.run(values);
  CHECK(driver.left() == -1);
  CHECK(number(values[0]) == 14);
  CHECK(number(values[1]) == 24);
}

TEST_CASE("what does not feed back is given memory of its own", "[session]") {
  const AddingDriver driver(0);
  const Driver* const drivers[] = {&driver};
  const Session session(crossed(), drivers);
  const std::array inputs{Tensor::scalar(10.0f), Tensor::scalar(20.0f)};
  const std::vector<Tensor> made = session.run(inputs);
  CHECK(number(made[0]) == 21);
  CHECK(number(made[1]) == 11);
  CHECK(driver.left() == 0);
}

TEST_CASE("a whole training step is told by operators that update, and no part of it is one", "[session]") {
  std::vector<std::string_view> updating;
  for (const Op* const op : all_ops())
    if (op->updates) updating.push_back(op->name);
  std::ranges::sort(updating);
  CHECK(updating == std::vector<std::string_view>{"AdamW", "EwcPull", "Lion", "RmsProp", "SgdMomentum"});

  Graph graph;
  const Value parameter = input(graph), gradient = input(graph), velocity = input(graph), rate = input(graph);
  const Value slope = gradient + parameter;
  graph.set_outputs(graph.add_node(*find_op("dormouse", "SgdMomentum"),
                                   {parameter.id, slope.id, velocity.id, rate.id}, {},
                                   std::vector<std::string>(2)));
  CHECK(is_training_step({&graph, {0, 1}, graph.inputs(), graph.outputs()}));
  CHECK_FALSE(
      is_training_step({&graph, {1}, {parameter.id, slope.id, velocity.id, rate.id}, graph.outputs()}));
  const Graph adding = crossed();
  CHECK_FALSE(is_training_step({&adding, {0, 1}, adding.inputs(), adding.outputs()}));
}
