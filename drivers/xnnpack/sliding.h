#pragma once

#include <cstdint>

#include "engine/graph.h"

namespace dormouse::drivers::xnnpack {

/// How the kernel of a Conv or a pool slides over an image; signals are images of height 1.
struct Window2d {
  std::uint32_t kernel_height, kernel_width;
  std::uint32_t stride_height, stride_width;
  std::uint32_t dilation_height, dilation_width;
  std::uint32_t top, left, bottom, right;  ///< padding
  bool overhangs;  ///< ceil_mode: windows reach over the edge, and bottom and right with them

  bool padded() const { return (top | left | bottom | right) != 0; }
};

/// The window of `node`: kernel_shape, or the spatial extents of a filter, if it has one as input `filter`.
Window2d window_2d(const engine::Graph& graph, const engine::Node& node, std::size_t filter = 1);

}  // namespace dormouse::drivers::xnnpack
