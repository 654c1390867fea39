#pragma once

#include "engine/graph.h"
#include "learning/linear_layer.h"
#include "learning/statistics.h"

namespace dormouse::learning {

// Low-rank adapters, inserted into a model where they change nothing yet: U is zero. Their parameters are
// called after what they adapt: NAME.down (V, [in, rank]), NAME.shift (v, [rank]) and NAME.up (U, [rank,
// out]). V has rows of about unit length and depends on the name alone; with `scale` it is drawn for
// standardised inputs, and v centres them.

/// All that reads the layer's output W·x + b reads W·x + b + U·(V·x + v).
void adapt_layer(engine::Graph& graph, const LinearLayer& layer, std::size_t rank, const LatentScale* scale);

/// All that reads the latent x reads x + U·relu(V·x + v). The value itself, and an output that it is, stay.
void adapt_latent(engine::Graph& graph, engine::ValueId latent, std::size_t rank, const LatentScale* scale);

}  // namespace dormouse::learning
