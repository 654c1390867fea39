#include <catch2/catch.hpp>

#include "daemon/verbs/bench_inputs.h"
#include "daemon/verbs/coverage.h"
#include "daemon/verbs/graph_summary.h"
#include "drivers/all_drivers.h"
#include "engine/op.h"
#include "engine/value.h"

namespace dormouse::daemon {
namespace {

using namespace engine;

const Coverage& row_of(const std::vector<Coverage>& rows, const std::string& op) {
  const auto found = std::ranges::find(rows, op, &Coverage::op);
  REQUIRE(found != rows.end());
  return *found;
}

}  // namespace

TEST_CASE("coverage says what each operator has", "[inspect]") {
  const std::vector<Coverage> rows = coverage(drivers::all_drivers());
  CHECK(rows.size() == all_ops().size());
  const Coverage& conv = row_of(rows, "Conv");
  CHECK(conv.domain == "ai.onnx");
  CHECK(conv.gradient);
  if (!drivers::all_drivers().empty()) CHECK(conv.driver == "xnnpack");
  const Coverage& shift = row_of(rows, "BitShift");
  CHECK(shift.since == 11);
  CHECK(shift.types == std::vector<std::string>{"u8", "u16", "u32", "u64"});
  CHECK_FALSE(shift.gradient);
  CHECK(shift.driver.empty());
  CHECK(row_of(rows, "Adam").domain == "ai.onnx.preview.training");
}

TEST_CASE("without drivers no operator has one", "[inspect]") {
  for (const Coverage& row : coverage({})) CHECK(row.driver.empty());
}

TEST_CASE("a model's parameters and multiplications are counted", "[inspect]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, Shape{kDynamic, 3, 8, 8})};
  const Value kernel = constant(graph, Tensor(DType::f32, {4, 3, 3, 3}));
  const Value maps = apply("Conv", {x, kernel});  // [1, 4, 6, 6] of 27 products each
  const Value rows = apply("Flatten", {relu(maps)});
  const Value scores = matmul(rows, constant(graph, Tensor(DType::f32, {144, 10})));
  graph.mark_output(matmul(scores, constant(graph, Tensor(DType::f32, {10, 2}))).id);
  const GraphSummary summary = summarise(graph);
  CHECK(summary.nodes == 5);
  CHECK(summary.operators.at("MatMul") == 2);
  CHECK(summary.parameters == 4 * 27 + 1440 + 20);
  CHECK(summary.parameter_bytes == 4 * (4 * 27 + 1440 + 20));
  CHECK(summary.macs == 144 * 27 + 1440 + 20);
}

TEST_CASE("multiplications are not guessed where shapes follow from data", "[inspect]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, Shape{4})};
  const Value places = cast(apply("NonZero", {x}), DType::f32);
  graph.mark_output(matmul(constant(graph, Tensor(DType::f32, {2, 1})), places).id);
  CHECK_FALSE(summarise(graph).macs.has_value());
}

TEST_CASE("shapes of inputs are read from words", "[inspect]") {
  Graph graph;
  graph.add_input("x", DType::f32, Shape{kDynamic, 3, kDynamic});
  graph.add_input("mask", DType::f32, Shape{kDynamic});
  graph.add_input("rate", DType::i64, Shape{});
  CHECK(input_shapes(graph, parse_shapes("")) == std::vector<Shape>{{1, 3, 1}, {1}, {}});
  CHECK(input_shapes(graph, parse_shapes("mask=128")) == std::vector<Shape>{{1, 3, 1}, {128}, {}});
  CHECK(input_shapes(graph, parse_shapes("x=2x3x40,rate=")) == std::vector<Shape>{{2, 3, 40}, {1}, {}});
  for (const char* const wrong : {"x", "x=2xx3", "x=-1", "x=a", "x=1 x 2", "=3", "y=3", "x=1x3x1,x=1x3x1"}) {
    INFO(wrong);
    CHECK_THROWS_AS(input_shapes(graph, parse_shapes(wrong)), Failure);
  }
}

}  // namespace dormouse::daemon
