#pragma once

#include "engine/kernels/strided.h"
#include "engine/ops/inference.h"

/// What Tile and its gradient share.
namespace dormouse::engine {

/// Loops over a tensor of shape `tiled` and the tensor of shape `tile` that it repeats, side by side: each
/// extent of the former is a multiple of the latter's.
inline StridedLoop<2> tile_loop(const Shape& tile, const Shape& tiled) {
  const std::vector<std::int64_t> from = strides(tile), to = strides(tiled);
  Shape extents;  // of every dimension: how often, then how long
  std::vector<std::int64_t> tile_steps, tiled_steps;
  for (std::size_t d = 0; d < tile.rank(); ++d) {
    extents.push_back(tile[d] == 0 ? 0 : tiled[d] / tile[d]);
    extents.push_back(tile[d]);
    tile_steps.insert(tile_steps.end(), {0, from[d]});
    tiled_steps.insert(tiled_steps.end(), {to[d] * tile[d], to[d]});
  }
  return {extents, {tile_steps, tiled_steps}};
}

}  // namespace dormouse::engine
