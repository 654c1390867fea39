#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "engine/op.h"

/// 8-bit weights of every kind, brought to i8 with a scale per output channel.
namespace dormouse::drivers::xnnpack {

/// Channels of a filter [M, …], or columns of a matrix [K, N].
struct Slices {
  std::int64_t count;
  std::int64_t run;  ///< elements of a slice that lie together
};
Slices slices_of(const engine::Tensor& weights, bool filter);

/// The weights that are input `input` of `node` (its scale behind it, then its zero point) less their zero
/// points, as i8; nothing when they are not known or some do not fit. A filter, or else a matrix.
std::optional<engine::Tensor> signed_weights(const engine::Graph& graph, const engine::Node& node,
                                             std::size_t input, bool filter);

/// What WeightsUse::keep() calls a variant, of input `input` of `node` as signed_weights() makes it: the
/// scales, zero points and other numbers that the weights are packed with.
std::string packing_variant(const engine::Graph& graph, const engine::Node& node, std::size_t input,
                            const engine::Tensor& scales, std::initializer_list<float> numbers);

}  // namespace dormouse::drivers::xnnpack
