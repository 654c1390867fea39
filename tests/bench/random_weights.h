#pragma once

#include <cstdint>
#include <string>

namespace dormouse::bench {

/// An ONNX file whose ConstantOfShape nodes became random initialisers: ONNX's light models have such nodes
/// for weights, and with equal weights everywhere any convolution passes. Filters are drawn so that
/// activations stay within bounds through many layers, vectors from [0.5, 1.5]. The model is rewritten as
/// bytes, so that no importer has a hand in it.
std::string with_random_weights(const std::string& model, std::uint64_t seed);

}  // namespace dormouse::bench
