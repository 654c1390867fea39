#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/tensor.h"

namespace dormouse::drivers::xnnpack {

/// Extents or axes as XNNPACK takes them.
using Extents = std::vector<std::size_t>;

/// How the elements of a value lie. XNNPACK's convolutions and pools work on channels-last images only; a
/// signal [N, C, L] counts as an image of height 1.
enum class Layout : std::uint8_t {
  rows,            ///< as ONNX has them
  channels_first,  ///< [N, C, H, W]
  channels_last    ///< [N, H, W, C]
};

/// Rank 3 or 4: what can be an image.
inline bool is_image(const engine::Shape& shape) { return shape.rank() == 3 || shape.rank() == 4; }

/// `shape` in `layout`, which for images must be one. A scalar is one element: XNNPACK's operators differ on
/// rank 0.
Extents extents(const engine::Shape& shape, Layout layout);

/// Where axis `axis` of a value of rank `rank` lies in `layout`.
std::size_t axis_in(Layout layout, std::size_t axis, std::size_t rank);

/// [N, C, H, W] → [N, H, W, C], and back.
inline const Extents kToChannelsLast{0, 2, 3, 1};
inline const Extents kToChannelsFirst{0, 3, 1, 2};

/// The elements of `tensor` (f32 or i8), seen as `from`, with the axes in the order of `permutation`.
engine::Tensor permuted(const engine::Tensor& tensor, const Extents& from, const Extents& permutation);
/// The same written to `to`, which is aligned for them. There must be some.
void permute(const engine::Tensor& tensor, const Extents& from, const Extents& permutation, std::byte* to);
/// Whether the elements lie in the same order afterwards, as those of a filter of 1 × 1 do.
bool keeps_order(const Extents& from, const Extents& permutation);
/// `from` in the order of `permutation`.
Extents reordered(const Extents& from, const Extents& permutation);

}  // namespace dormouse::drivers::xnnpack
