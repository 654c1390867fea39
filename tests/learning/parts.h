#pragma once

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/op.h"
#include "learning/latents.h"
#include "learning/random.h"

/// Trainable parts to test on: latent → logits, [N, width] → [N, classes], with small random weights.
struct Parts {
  using Tensor = dormouse::engine::Tensor;
  using Shape = dormouse::engine::Shape;

  dormouse::learning::Random random;

  explicit Parts(std::uint64_t seed) : random(seed) {}

  Tensor weights(Shape shape, double size) {
    Tensor tensor(dormouse::engine::DType::f32, std::move(shape));
    for (float& w : tensor.mutable_values<float>()) w = static_cast<float>(size * random.normal());
    return tensor;
  }

  /// One Gemm, as exporters write the last layer.
  dormouse::engine::Graph linear(std::int64_t width, std::int64_t classes, double size = 0.1) {
    using namespace dormouse::engine;
    Graph graph;
    const ValueId latent = graph.add_input("latent", DType::f32, Shape{kDynamic, width});
    const ValueId w = graph.add_constant("head.weight", weights(Shape{classes, width}, size));
    const ValueId b = graph.add_constant("head.bias", weights(Shape{classes}, size));
    graph.mark_output(
        graph.add_node(*find_op("", "Gemm"), {latent, w, b}, {{"transB", std::int64_t{1}}}, {"logits"})
            .front());
    return graph;
  }

  /// MatMul + Add, Relu, Gemm.
  dormouse::engine::Graph mlp(std::int64_t width, std::int64_t hidden, std::int64_t classes) {
    using namespace dormouse::engine;
    Graph graph;
    const ValueId latent = graph.add_input("latent", DType::f32, Shape{kDynamic, width});
    const double first = 1 / std::sqrt(double(width)), second = 1 / std::sqrt(double(hidden));
    const ValueId w1 = graph.add_constant("fc1.weight", weights(Shape{width, hidden}, first));
    const ValueId b1 = graph.add_constant("fc1.bias", weights(Shape{hidden}, first));
    const ValueId w2 = graph.add_constant("fc2.weight", weights(Shape{hidden, classes}, second));
    const ValueId b2 = graph.add_constant("fc2.bias", weights(Shape{classes}, second));
    const ValueId product = graph.add_node(*find_op("", "MatMul"), {latent, w1}).front();
    const ValueId sum = graph.add_node(*find_op("", "Add"), {product, b1}).front();
    const ValueId active = graph.add_node(*find_op("", "Relu"), {sum}).front();
    graph.mark_output(graph.add_node(*find_op("", "Gemm"), {active, w2, b2}, {}, {"logits"}).front());
    return graph;
  }
};

/// Of two tensors of one shape, f32.
inline double largest_difference(const dormouse::engine::Tensor& a, const dormouse::engine::Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  double largest = 0;
  for (std::size_t i = 0; i < a.values<float>().size(); ++i)
    largest = std::max(largest, std::abs(double{a.values<float>()[i]} - double{b.values<float>()[i]}));
  return largest;
}
