#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <initializer_list>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/passes/pass.h"
#include "engine/value.h"

/// What tests of passes share: graphs made by hand, run before and after.
namespace dormouse::engine::passes_check {

inline constexpr unsigned kSeed = 23;

inline Tensor drawn(const Shape& shape, std::mt19937& random, float low = -1, float high = 1) {
  Tensor tensor(DType::f32, shape);
  std::uniform_real_distribution<float> uniform(low, high);
  for (float& value : tensor.mutable_values<float>()) value = uniform(random);
  return tensor;
}

/// A constant of seeded random elements.
inline Value weights(Graph& graph, const Shape& shape, float low = -1, float high = 1) {
  std::mt19937 random(kSeed + static_cast<unsigned>(graph.value_count()));
  return constant(graph, drawn(shape, random, low, high));
}

inline Value input(Graph& graph, Shape shape) {
  return {&graph, graph.add_input("x", DType::f32, std::move(shape))};
}

inline std::size_t count(const Graph& graph, std::string_view op) {
  std::size_t found = 0;
  for (const Node& node : graph.nodes()) found += node.op->name == op;
  return found;
}

inline void check_same(const std::vector<Tensor>& got, const std::vector<Tensor>& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    REQUIRE(to_string(got[i].shape()) == to_string(expected[i].shape()));
    const auto is = got[i].values<float>(), should = expected[i].values<float>();
    for (std::size_t k = 0; k < is.size(); ++k)
      if (!(std::abs(is[k] - should[k]) <= 1e-4f * std::max(1.0f, std::abs(should[k])))) {
        FAIL("output " << i << ", element " << k << ": " << is[k] << ", not " << should[k]);
        return;
      }
  }
}

/// `graph` after the pass called `name`, having checked that it computes what it did, on inputs of `shapes`
/// (default: those of the graph) and with the same names of outputs.
inline Graph after(std::string_view name, const Graph& graph, std::vector<Shape> shapes = {}) {
  INFO(name << ", seed " << kSeed);
  if (shapes.empty())
    for (const ValueId id : graph.inputs()) shapes.push_back(graph.value(id).shape);
  std::mt19937 random(kSeed);
  std::vector<Tensor> inputs;
  for (const Shape& shape : shapes) inputs.push_back(drawn(shape, random, -4, 4));
  Graph rewritten = graph;
  bool found = false;
  for (const Pass* const pass : all_passes())
    if (pass->name == name) {
      pass->run(rewritten);
      found = true;
    }
  REQUIRE(found);
  check_same(interpret(rewritten, inputs), interpret(graph, inputs));
  for (std::size_t i = 0; i < graph.outputs().size(); ++i)
    CHECK(rewritten.value(rewritten.outputs()[i]).name == graph.value(graph.outputs()[i]).name);
  return rewritten;
}

}  // namespace dormouse::engine::passes_check
