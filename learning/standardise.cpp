#include "learning/standardise.h"

#include "learning/linear_layer.h"

namespace dormouse::learning {
namespace {

enum class Direction { to_standard, to_own };

/// Rewrites the first layer: W·deviation and b + W·mean, or back.
void rescale(engine::Graph& graph, const LinearLayer& layer, const LatentScale& scale, Direction direction) {
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

LatentScale identity(std::size_t width) {
  return {std::vector<float>(width, 0.0f), std::vector<float>(width, 1.0f)};
}

}  // namespace

Standardised::Standardised(const engine::Graph& trainable, LatentScale scale)
    : graph_(trainable), scale_(std::move(scale)) {
  const auto layer = linear_layer_from(graph_, graph_.inputs().at(0));
  if (!layer) {
    scale_ = identity(scale_.mean.size());
    return;
  }
  // Without a bias there is nowhere to put the shift.
  if (layer->bias == engine::kAbsent) scale_.mean.assign(scale_.mean.size(), 0.0f);
  rescale(graph_, *layer, scale_, Direction::to_standard);
}

Tensor Standardised::apply(const Tensor& latents) const {
  Tensor out = latents.clone();
  const std::size_t width = scale_.mean.size();
  const auto values = out.mutable_values<float>();
  for (std::size_t at = 0; at < values.size(); at += width) scale_.standardise(values.subspan(at, width));
  return out;
}

engine::Graph Standardised::restore(engine::Graph standardised, const LatentScale& scale) {
  const auto layer = linear_layer_from(standardised, standardised.inputs().at(0));
  if (layer) rescale(standardised, *layer, scale, Direction::to_own);
  return standardised;
}

}  // namespace dormouse::learning
