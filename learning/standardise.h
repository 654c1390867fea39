#pragma once

#include "engine/graph.h"
#include "learning/statistics.h"

namespace dormouse::learning {

/// A change of coordinates that makes plain SGD converge on any cut: a trainable part on standardised
/// latents.
///
/// With z = (x − mean) / deviation, W·x + b = (W·deviation)·z + (b + W·mean): the same function, better
/// conditioned. The same holds behind a residual connection, x + V·h + c, whose V and c are divided by the
/// deviation. Everything that learning keeps by parameter (velocity, Fisher, anchors) is in these
/// coordinates; only published weights are in the model's own. When anything but linear layers reads the
/// latent, or they share their weights, the scale is the identity.
class Standardised {
 public:
  /// `trainable`: latent → logits, weights as constants.
  Standardised(const engine::Graph& trainable, LatentScale scale);

  const engine::Graph& graph() const { return graph_; }
  const LatentScale& scale() const { return scale_; }  ///< what is really applied
  /// Latents as the graph wants them, a copy.
  Tensor apply(const Tensor& latents) const;
  /// The graph with these parameters, back in the model's own coordinates.
  static engine::Graph restore(engine::Graph standardised, const LatentScale& scale);

 private:
  engine::Graph graph_;
  LatentScale scale_;
};

}  // namespace dormouse::learning
