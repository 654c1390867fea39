#pragma once

#include <optional>
#include <vector>

#include "engine/passes/rewrite.h"

namespace dormouse::engine {

/// The elements of a floating tensor, widened.
std::vector<double> elements_of(const Tensor& tensor);

/// y = factor · x + shift, for each channel of x. Computed in f64, whatever x is.
struct ChannelAffine {
  std::vector<double> factor;
  std::vector<double> shift;
};

/// What BatchNormalization `node` does, where its statistics are constants.
std::optional<ChannelAffine> affine_of_normalization(const Rewrite& rewrite, const Node& node);

/// What Mul, Div, Add or Sub by a constant of one value per channel does to `channels` channels of its other
/// input: [C, 1, …] or one element beside [N, C, …], [C] beside [N, C].
struct AffineNode {
  ValueId input;
  ChannelAffine affine;
};
std::optional<AffineNode> affine_of_arithmetic(const Rewrite& rewrite, const Node& node);

/// The Conv, ConvTranspose, Gemm or MatMul of so many output channels that makes `value`, if nothing else
/// reads it and its weights and bias are constants that may take a factor and a shift for each; or null.
const Node* scalable_layer(const Rewrite& rewrite, ValueId value, std::size_t channels);

/// Puts in the place of the node at hand: `layer` with `affine` applied to its output channels.
void replace_by_scaled(Rewrite& rewrite, const Node& layer, const ChannelAffine& affine);

}  // namespace dormouse::engine
