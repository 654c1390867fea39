#pragma once

#include "engine/kernels/strided.h"
#include "engine/ops/inference.h"

/// What DepthToSpace and SpaceToDepth share. A block of b × b pixels of one channel in space is b² channels
/// of one pixel in depth. `mode` says which channels: DCR, column (row, column, channel), or CRD (channel,
/// row, column). SpaceToDepth reads it too, to be the gradient of either; in ONNX it is always DCR.
namespace dormouse::engine {

/// The attributes; fail()s when they or the rank of the input are wrong.
std::int64_t block_size(const InferContext& context);

/// Loops over space [N, C, H·b, W·b] beside the same elements in depth [N, C·b², H, W].
StridedLoop<2> depth_space_loop(const Attributes& attributes, const Shape& space);

/// Moves input 0 to output 0, where `from` and `to` are what depth_space_loop walks: 0 space, 1 depth.
template <class T>
void move_depth_space(const KernelContext& context, const Shape& space, std::size_t from,
                      std::size_t to) noexcept {
  const T* const in = context.in<T>(0).data();
  T* const out = context.out<T>(0).data();
  depth_space_loop(context.attributes, space)
      .rows([&](std::int64_t length, const auto& offset, const auto& step) {
        for (std::int64_t i = 0; i < length; ++i)
          out[offset[to] + i * step[to]] = in[offset[from] + i * step[from]];
      });
}

}  // namespace dormouse::engine
