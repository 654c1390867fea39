#pragma once

#include "learning/layers.h"

namespace dormouse::learning {

/// The layer `transformer` of a model spec, an encoder (Vaswani et al. 2017) that normalises before each
/// part: [N, rows] or [N, channels, rows] → [N, width], the mean over the tokens, or [N, width, rows].
///
///     - transformer: {width: 64, heads: 4, blocks: 2, feedforward: 128, output: mean}
///
/// Every row becomes a token by one matrix; sinusoidal positions are added. A block is
/// x + attention(norm(x)), then x + W₂·GELU(W₁·norm(x)), and what leaves the last one is normalised.
/// Attention takes rows² · width multiply-adds: longer signals are shortened before it, by `conv` with a
/// stride.
engine::Value append_transformer(engine::Value x, const config::Node& options, LayerContext& context);

}  // namespace dormouse::learning
