#include "tests/bench/ladder/network.h"

#include <cmath>

#include "engine/value.h"
#include "learning/random.h"

namespace dormouse::bench {
namespace {

using engine::DType;
using engine::Shape;
using engine::Tensor;
using engine::Value;

/// Glorot's uniform distribution.
Tensor first_weights(std::int64_t in, std::int64_t out, learning::Random& random) {
  Tensor weights(DType::f32, Shape{in, out});
  const double bound = std::sqrt(6 / static_cast<double>(in + out));
  for (float& w : weights.mutable_values<float>()) w = static_cast<float>(bound * (2 * random.uniform() - 1));
  return weights;
}

}  // namespace

engine::Graph network(std::size_t width, std::span<const std::size_t> hidden, std::size_t classes,
                      std::uint64_t seed) {
  engine::Graph graph;
  learning::Random random(seed);
  auto in = static_cast<std::int64_t>(width);
  Value x{&graph, graph.add_input("inputs", DType::f32, Shape{engine::kDynamic, in})};
  for (std::size_t layer = 0; layer <= hidden.size(); ++layer) {
    const bool last = layer == hidden.size();
    const auto out = static_cast<std::int64_t>(last ? classes : hidden[layer]);
    const Value weights = engine::constant(graph, first_weights(in, out, random));
    const Value bias = engine::constant(graph, Tensor(DType::f32, Shape{out}));
    const std::string name = std::to_string(layer);
    graph.rename(weights.id, "weights" + name);
    graph.rename(bias.id, "bias" + name);
    x = engine::apply("Gemm", {x, weights, bias});
    if (!last) x = engine::relu(x);
    in = out;
  }
  graph.rename(x.id, "logits");
  graph.mark_output(x.id);
  return graph;
}

}  // namespace dormouse::bench
