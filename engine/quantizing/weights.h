#pragma once

#include "engine/tensor.h"

namespace dormouse::engine {

/// 8-bit weights with a scale for each slice: w ≈ numbers · scale.
struct QuantizedWeights {
  Tensor numbers;  ///< i8, in [-127, 127]
  Tensor scales;   ///< f32 [slices]
};

/// The f32 `weights`, symmetric, a scale for each slice along `axis`.
QuantizedWeights quantize_weights(const Tensor& weights, std::size_t axis);

}  // namespace dormouse::engine
