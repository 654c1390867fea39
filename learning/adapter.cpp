#include "learning/adapter.h"

#include <algorithm>
#include <cmath>

#include "engine/value.h"
#include "learning/random.h"

namespace dormouse::learning {
namespace {

using engine::Graph;
using engine::Node;
using engine::Value;
using engine::ValueId;

/// FNV-1a: the same on every platform.
std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 14695981039346656037ull;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return h;
}

struct Projection {
  Tensor weight;  ///< V, [in, rank]
  Tensor shift;   ///< v, [rank]
};

Projection draw(std::int64_t in, std::int64_t rank, std::uint64_t seed, const LatentScale* scale) {
  Random random(seed);
  Projection made{Tensor(engine::DType::f32, Shape{in, rank}), Tensor(engine::DType::f32, Shape{rank})};
  const auto weight = made.weight.mutable_values<float>(), shift = made.shift.mutable_values<float>();
  const auto columns = static_cast<std::size_t>(rank);
  for (std::size_t i = 0; i < weight.size(); ++i) {
    const std::size_t element = i / columns;
    weight[i] = static_cast<float>(random.normal() / std::sqrt(double(in)));
    if (!scale) continue;
    weight[i] /= scale->deviation[element];
    shift[i % columns] -= weight[i] * scale->mean[element];
  }
  return made;
}

/// V·x + v.
Value project(Value x, const std::string& name, std::size_t rank, const LatentScale* scale) {
  Graph& graph = *x.graph;
  Projection made = draw(x.shape().back(), static_cast<std::int64_t>(rank), hash(name), scale);
  const Value weight{&graph, graph.add_constant(name + ".down", std::move(made.weight))};
  const Value shift{&graph, graph.add_constant(name + ".shift", std::move(made.shift))};
  return engine::apply("Gemm", {x, weight, shift});
}

/// U·h.
Value expand(Value h, const std::string& name, std::int64_t out) {
  Graph& graph = *h.graph;
  const Tensor zero(engine::DType::f32, Shape{h.shape().back(), out});
  return engine::matmul(h, {&graph, graph.add_constant(name + ".up", zero)});
}

/// Moves the nodes from `first` on to right behind what makes `value`, and lets those that read it before
/// read `adapted`.
void splice(Graph& graph, std::size_t first, ValueId value, ValueId adapted) {
  std::vector<Node> nodes = graph.nodes();
  for (std::size_t i = 0; i < first; ++i) std::ranges::replace(nodes[i].inputs, value, adapted);
  const auto begin = nodes.begin(), appended = begin + static_cast<std::ptrdiff_t>(first);
  const auto makes = [&](const Node& node) { return std::ranges::count(node.outputs, value) > 0; };
  const auto maker = std::find_if(begin, appended, makes);
  std::rotate(maker == appended ? begin : maker + 1, appended, nodes.end());
  graph.set_nodes(std::move(nodes));
}

}  // namespace

void adapt_layer(Graph& graph, const LinearLayer& layer, std::size_t rank, const LatentScale* scale) {
  const std::size_t first = graph.nodes().size();
  const std::string name = graph.value(layer.weight).name + ".lora";
  const Value output{&graph, layer.output};
  const Value delta =
      expand(project({&graph, layer.input}, name, rank, scale), name, graph.value(layer.output).shape.back());
  splice(graph, first, layer.output, (output + delta).id);
}

void adapt_latent(Graph& graph, ValueId latent, std::size_t rank, const LatentScale* scale) {
  const std::size_t first = graph.nodes().size();
  const std::string name = graph.value(latent).name + ".adapter";
  const Value x{&graph, latent};
  const Value delta = expand(engine::relu(project(x, name, rank, scale)), name, x.shape().back());
  splice(graph, first, latent, (x + delta).id);
}

}  // namespace dormouse::learning
