#pragma once

#include <span>

#include "engine/graph.h"
#include "engine/tensor.h"

namespace dormouse::drivers {

/// Checks that tensors agree but for the rounding to f16 of inputs and of a few steps, relative to the
/// largest number.
void check_near(std::span<const engine::Tensor> actual, std::span<const engine::Tensor> expected);

/// Every node marked as one of f16.
engine::Graph of_halves(engine::Graph graph);

/// Convolutions plain and depthwise, a sum, pools, linear layers, activations: of x [2, 3, 16, 16].
engine::Graph small_network(engine::DType type);

}  // namespace dormouse::drivers
