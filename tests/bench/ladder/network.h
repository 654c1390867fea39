#pragma once

#include <span>

#include "engine/graph.h"

namespace dormouse::bench {

/// inputs [N, width] → fully connected layers with ReLU between → logits [N, classes]. Weights are uniform as
/// Glorot and Bengio (2010) have it and biases zero, as the networks of the DER paper begin. Only logits when
/// `hidden` is empty.
engine::Graph network(std::size_t width, std::span<const std::size_t> hidden, std::size_t classes,
                      std::uint64_t seed);

}  // namespace dormouse::bench
