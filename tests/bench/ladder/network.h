#pragma once

#include <span>

#include "engine/graph.h"

namespace dormouse::bench {

/// inputs [N, width] → fully connected layers with ReLU between → logits [N, classes]; weights and biases
/// uniform in ±1/√fan-in, as PyTorch's Linear begins and so every reference. Only logits when `hidden` is
/// empty.
engine::Graph network(std::size_t width, std::span<const std::size_t> hidden, std::size_t classes,
                      std::uint64_t seed);

}  // namespace dormouse::bench
