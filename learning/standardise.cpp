#include "learning/standardise.h"

#include <algorithm>

#include "learning/linear_layer.h"

namespace dormouse::learning {
namespace {

using engine::Graph;
using engine::Node;
using engine::ValueId;

/// The layers at which the latent's coordinates begin and end: those that read it, also behind residual
/// connections, and those whose output is added to it.
struct Border {
  std::vector<LinearLayer> readers;
  std::vector<LinearLayer> writers;
};

std::size_t readers_of(const Graph& graph, ValueId value) {
  std::size_t count = 0;
  for (const Node& node : graph.nodes()) count += std::size_t(std::ranges::count(node.inputs, value));
  return count;
}

/// Finds the border, a value in the latent's coordinates at a time.
class BorderSearch {
 public:
  explicit BorderSearch(const Graph& graph) : graph_(graph), layers_(linear_layers(graph)) {}

  /// Nothing when something else than a linear layer or a residual connection reads such a value.
  std::optional<Border> from(ValueId latent) {
    open_ = {latent};
    while (!open_.empty()) {
      const ValueId value = open_.back();
      open_.pop_back();
      if (std::ranges::count(graph_.outputs(), value) || !follow(value)) return std::nullopt;
    }
    if (border_.readers.empty()) return std::nullopt;
    return std::move(border_);
  }

 private:
  bool follow(ValueId value) {
    for (const Node& node : graph_.nodes()) {
      if (!std::ranges::count(node.inputs, value)) continue;
      const auto reads = [&](const LinearLayer& layer) {
        return layer.input == value && std::ranges::count(node.inputs, layer.weight);
      };
      const auto layer = std::ranges::find_if(layers_, reads);
      if (layer == layers_.end()) {
        if (!residual(node, value)) return false;
      } else {
        if (!has_own_weights(*layer)) return false;
        border_.readers.push_back(*layer);
      }
    }
    return true;
  }

  /// value + what a linear layer made for this sum alone.
  bool residual(const Node& node, ValueId value) {
    if (node.op->name != "Add") return false;
    const ValueId other = node.inputs[node.inputs[0] == value ? 1 : 0];
    const auto makes = [&](const LinearLayer& layer) { return layer.output == other; };
    const auto layer = std::ranges::find_if(layers_, makes);
    if (layer == layers_.end() || readers_of(graph_, other) != 1 || !has_own_weights(*layer)) return false;
    border_.writers.push_back(*layer);
    open_.push_back(node.outputs[0]);
    return true;
  }

  bool has_own_weights(const LinearLayer& layer) const {
    return readers_of(graph_, layer.weight) == 1 &&
           (layer.bias == engine::kAbsent || readers_of(graph_, layer.bias) == 1);
  }

  const Graph& graph_;
  std::vector<LinearLayer> layers_;
  std::vector<ValueId> open_;
  Border border_;
};

std::optional<Border> border_of(const Graph& graph) { return BorderSearch(graph).from(graph.inputs().at(0)); }

enum class Direction { to_standard, to_own };

/// Rewrites a reader: W·deviation and b + W·mean, or back.
void rescale_input(Graph& graph, const LinearLayer& layer, const LatentScale& scale, Direction direction) {
  Tensor weight = graph.value(layer.weight).constant->clone();
  const auto width = scale.mean.size();
  const auto outputs = static_cast<std::size_t>(weight.elements()) / width;
  const auto w = weight.mutable_values<float>();
  std::vector<double> shift(outputs);
  for (std::size_t i = 0; i < width; ++i)
    for (std::size_t o = 0; o < outputs; ++o) {
      float& x = layer.transposed ? w[o * width + i] : w[i * outputs + o];
      if (direction == Direction::to_standard) {
        shift[o] += double{x} * double{scale.mean[i]};
        x *= scale.deviation[i];
      } else {
        x /= scale.deviation[i];
        shift[o] -= double{x} * double{scale.mean[i]};
      }
    }
  graph.set_constant(layer.weight, std::move(weight));
  if (layer.bias == engine::kAbsent) return;
  Tensor bias = graph.value(layer.bias).constant->clone();
  const auto b = bias.mutable_values<float>();
  for (std::size_t o = 0; o < outputs; ++o) b[o] = static_cast<float>(double{b[o]} + shift[o]);
  graph.set_constant(layer.bias, std::move(bias));
}

/// Rewrites a writer: W / deviation and b / deviation, or back.
void rescale_output(Graph& graph, const LinearLayer& layer, const LatentScale& scale, Direction direction) {
  const auto width = scale.deviation.size();
  const auto rescale = [&](ValueId id, std::size_t inputs) {
    Tensor values = graph.value(id).constant->clone();
    const auto v = values.mutable_values<float>();
    for (std::size_t i = 0; i < v.size(); ++i) {
      const float deviation = scale.deviation[layer.transposed && inputs > 0 ? i / inputs : i % width];
      v[i] = direction == Direction::to_standard ? v[i] / deviation : v[i] * deviation;
    }
    graph.set_constant(id, std::move(values));
  };
  const auto elements = static_cast<std::size_t>(graph.value(layer.weight).constant->elements());
  rescale(layer.weight, elements / width);
  if (layer.bias != engine::kAbsent) rescale(layer.bias, 0);
}

void rescale(Graph& graph, const Border& border, const LatentScale& scale, Direction direction) {
  for (const LinearLayer& layer : border.readers) rescale_input(graph, layer, scale, direction);
  for (const LinearLayer& layer : border.writers) rescale_output(graph, layer, scale, direction);
}

LatentScale identity(std::size_t width) {
  return {std::vector<float>(width, 0.0f), std::vector<float>(width, 1.0f)};
}

}  // namespace

Standardised::Standardised(const Graph& trainable, LatentScale scale)
    : graph_(trainable), scale_(std::move(scale)) {
  const auto border = border_of(graph_);
  if (!border) {
    scale_ = identity(scale_.mean.size());
    return;
  }
  // Without a bias there is nowhere to put the shift.
  const auto unbiased = [](const LinearLayer& layer) { return layer.bias == engine::kAbsent; };
  if (std::ranges::any_of(border->readers, unbiased)) scale_.mean.assign(scale_.mean.size(), 0.0f);
  rescale(graph_, *border, scale_, Direction::to_standard);
}

Tensor Standardised::apply(const Tensor& latents) const {
  Tensor out = latents.clone();
  const std::size_t width = scale_.mean.size();
  const auto values = out.mutable_values<float>();
  for (std::size_t at = 0; at < values.size(); at += width) scale_.standardise(values.subspan(at, width));
  return out;
}

Graph Standardised::restore(Graph standardised, const LatentScale& scale) {
  if (const auto border = border_of(standardised)) rescale(standardised, *border, scale, Direction::to_own);
  return standardised;
}

}  // namespace dormouse::learning
