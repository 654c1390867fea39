// What `driver: auto` chooses, and that it remembers.

#include "drivers/measured.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "drivers/table.h"
#include "engine/op.h"
#include "engine/value.h"
#include "tests/drivers/fake_gpu.h"
#include "tests/temporary_folder.h"

namespace dormouse::drivers {
namespace {

using namespace engine;
using namespace std::chrono_literals;

constexpr std::int64_t kMany = 100'000, kFew = 10;

/// A GPU, a CPU, and what is chosen between them.
struct Board {
  explicit Board(std::filesystem::path file = {}) : measurements(std::move(file)) { cpu.called = "cpu"; }

  /// Which of the two computes x + x of so many elements.
  std::string computes(std::int64_t elements) {
    Graph graph;
    const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic})};
    graph.set_outputs({(x + x).id});
    const Driver* const drivers[] = {&measured, &cpu};
    const Session session(graph, drivers);
    Tensor given(DType::f32, {elements});
    given.mutable_values<float>()[7] = 3;
    const Tensor inputs[] = {given};
    gpu.runs = 0;
    session.placement(inputs);  // plans
    measured_by = gpu.runs;
    gpu.runs = cpu.runs = 0;
    CHECK(session.run(inputs)[0].values<float>()[7] == 6);
    REQUIRE(gpu.runs + cpu.runs == 1);
    return gpu.runs == 1 ? "gpu" : "cpu";
  }

  FakeGpu gpu, cpu;
  int measured_by = 0;  ///< runs of the GPU
  Measurements measurements;
  WatchedDriver watched{gpu, "a fake", "fake 1"};
  const Driver* others[1] = {&cpu};
  MeasuredDriver measured{watched, others, 1, measurements};
};

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator(file), {}};
}

}  // namespace

TEST_CASE("a GPU gets what it was measured to compute faster, and nothing else", "[drivers]") {
  Board board;
  board.cpu.delay = 2ms;
  CHECK(board.computes(kMany) == "gpu");
  CHECK(board.measured_by > 0);
  CHECK(board.computes(kFew) == "cpu");  // done before a GPU has begun
  CHECK(board.measured_by == 0);
  REQUIRE(board.measured.verdicts().size() == 1);
  CHECK(board.measured.verdicts()[0].what == "1 operator: Add");
  CHECK(board.measured.verdicts()[0].bytes == 8 * kMany);

  Board slow;
  slow.gpu.delay = 2ms;
  CHECK(slow.computes(kMany) == "cpu");
}

TEST_CASE("what a training step is given again is not carried", "[drivers]") {
  Graph graph;
  const auto input = [&](Shape shape) { return graph.add_input("", DType::f32, std::move(shape)); };
  const ValueId parameter = input({kMany}), gradient = input({1}), velocity = input({kMany}),
                rate = input({});
  const ValueId slope = (Value{&graph, parameter} * Value{&graph, gradient}).id;
  graph.set_outputs(graph.add_node(*find_op("dormouse", "SgdMomentum"), {parameter, slope, velocity, rate},
                                   {}, std::vector<std::string>(2)));
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) inputs.emplace_back(DType::f32, graph.value(id).shape);
  Board board;
  board.cpu.delay = 50ms;
  board.gpu.carrying = 200ms;
  const Driver* const drivers[] = {&board.measured, &board.cpu};
  const Session session(graph, drivers, {.feeds_back = true});
  CHECK(session.placement(inputs).at(0).first == "vulkan");
  REQUIRE(board.measured.verdicts().size() == 1);
  CHECK(board.measured.verdicts()[0].bytes == 8);                    // a gradient and a rate
  CHECK(board.measured.verdicts()[0].measurement.gpu_us < 200'000);  // which carrying alone would take
}

TEST_CASE("a GPU that computes something else gets nothing", "[drivers]") {
  Board board;
  board.cpu.delay = 2ms;
  board.gpu.wrong = true;
  CHECK(board.computes(kMany) == "cpu");
}

TEST_CASE("a GPU that fails while it is measured gets nothing, and is asked again", "[drivers]") {
  Board board;
  board.cpu.delay = 2ms;
  board.gpu.lost = true;
  CHECK(board.computes(kMany) == "cpu");
  CHECK(board.watched.trouble() == "the device is lost");
  board.gpu.lost = false;
  CHECK(board.computes(kMany) == "gpu");
}

TEST_CASE("measurements are remembered, for a model, a device and about so many elements", "[drivers]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("cache/measured");
  {
    Board board(file);
    board.cpu.delay = 2ms;
    CHECK(board.computes(kMany) == "gpu");
  }
  Board again(file);
  CHECK(again.computes(kMany) == "gpu");
  CHECK(again.measured_by == 0);
  CHECK(again.computes(kMany + 1000) == "gpu");  // of one class
  CHECK(again.measured_by == 0);
  again.computes(2 * kMany);
  CHECK(again.measured_by > 0);

  Board other(file);
  WatchedDriver updated{other.gpu, "a fake", "fake 2"};
  const MeasuredDriver measured{updated, other.others, 1, other.measurements};
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kMany})};
  graph.set_outputs({(x + x).id});
  measured.worthwhile({&graph, {0}, graph.inputs(), graph.outputs()});
  CHECK(other.gpu.runs > 0);
}

TEST_CASE("what was measured before a GPU was tuned is not kept, and measured once more when it is",
          "[drivers]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("measured");
  Board board(file);
  board.cpu.delay = 2ms;
  board.gpu.delay = 4ms;
  board.gpu.untuned = 100;
  CHECK(board.computes(kMany) == "cpu");
  CHECK(board.measured_by > 0);
  CHECK(contents(file) == "dormouse measurements 1\n");
  CHECK(board.computes(kMany) == "cpu");
  CHECK(board.measured_by == 0);  // no plan waits for it again
  board.gpu.delay = 0ms;
  board.gpu.untuned = 0;
  CHECK(board.computes(kMany) == "gpu");
  CHECK(board.measured_by > 0);
  REQUIRE(board.measured.verdicts().size() == 1);
  CHECK(board.measured.verdicts()[0].measurement.pays());
  CHECK(board.computes(kMany) == "gpu");
  CHECK(board.measured_by == 0);
  Board next(file);
  CHECK(next.computes(kMany) == "gpu");
  CHECK(next.measured_by == 0);
}

TEST_CASE("plans go on tuning a GPU that was slower before it was tuned", "[drivers]") {
  Board board;
  board.cpu.delay = 2ms;
  board.gpu.delay = 4ms;
  board.gpu.untuned = 3;
  CHECK(board.computes(kMany) == "cpu");
  board.gpu.delay = 0ms;
  CHECK(board.computes(kMany) == "cpu");
  CHECK(board.gpu.untuned == 1);
  CHECK(board.computes(kMany) == "gpu");
}

TEST_CASE("a file of measurements that is none is ignored and written anew", "[drivers]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("measured");
  for (const char* const text : {"", "\xff\xfe", "dormouse measurements 1\nkey 1 2 1 0 more\n",
                                 "dormouse measurements 1\nkey 1 2\n", "dormouse measurements 9\n"}) {
    std::ofstream(file) << text;
    Board board(file);
    board.cpu.delay = 2ms;
    CHECK(board.computes(kMany) == "gpu");
    CHECK(board.measured_by > 0);
    CHECK(contents(file).starts_with("dormouse measurements 1\n"));
  }
}

TEST_CASE("what ended the process while it was measured is not tried again", "[drivers]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("measured");
  Measurements(file).begin("key");  // and there the process ends: a next one may have its number
  const auto found = Measurements(file).find("key");
  REQUIRE(found);
  CHECK_FALSE(found->pays());
  Measurements measurements(file);
  measurements.end("key", {1, 2});
  CHECK(Measurements(file).find("key")->pays());
}

TEST_CASE("a model chooses among the drivers there are", "[drivers]") {
  FakeGpu gpu, cpu;
  const WatchedDriver watched(gpu, "a fake", "fake 1");
  Measurements measurements({});
  const Driver* const others[] = {&cpu};
  const MeasuredDriver measured(watched, others, 1, measurements);
  DriverTable table(others);
  using Chosen = std::vector<const Driver*>;
  CHECK(table.chosen(Choice::automatic) == Chosen{&cpu});  // no device
  CHECK(table.chosen(Choice::vulkan) == Chosen{&cpu});
  table.gpu = &watched;
  table.measured = &measured;
  CHECK(table.chosen(Choice::automatic) == Chosen{&measured, &cpu});
  CHECK(table.chosen(Choice::vulkan) == Chosen{&watched, &cpu});
  CHECK(table.chosen(Choice::cpu) == Chosen{&cpu});
  CHECK(table.chosen(Choice::reference).empty());
  CHECK(parse_choice("auto") == Choice::automatic);
  CHECK_FALSE(parse_choice("steam"));
}

TEST_CASE("a device that is not there is told of, and the CPU computes", "[drivers]") {
  const DriverTable table = open_table({.device = "no device has such a name"}, std::array{Choice::vulkan});
  CHECK(table.gpu == nullptr);
  CHECK_FALSE(table.cpu.empty());
}

}  // namespace dormouse::drivers
