#pragma once

#include "drivers/xnnpack/clamp.h"

/// What convolutions of f32 and of 8-bit images share.
namespace dormouse::drivers::xnnpack {

/// The channels of a filter that is input `filter` of `node`.
struct Channels {
  std::size_t groups, inputs, outputs;  ///< inputs and outputs are a group's
  bool depthwise() const { return inputs == 1 && groups > 1; }
  /// What a filter [M, C, KH, KW] is turned by: to [1, KH, KW, M], else to [M, KH, KW, C].
  Extents filter_order() const { return depthwise() ? Extents{1, 2, 3, 0} : kToChannelsLast; }
  /// The axis of M then.
  std::size_t filter_axis() const { return depthwise() ? 3 : 0; }
};
Channels channels_of(const engine::Graph& graph, const engine::Node& node, std::size_t filter);

/// What a convolution reads and writes, all channels-last.
struct Convolved {
  Id image, filter, bias, result;
  Clamp clamp = {};
};
/// Adds the convolution of `node`, whose filter is its input `filter`.
void define_convolution(Builder& builder, const engine::Node& node, std::size_t filter, const Convolved& ids);

}  // namespace dormouse::drivers::xnnpack
