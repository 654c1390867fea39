#pragma once

#include "engine/kernels/gemm.h"
#include "engine/ops/sliding.h"

/// What Conv and its two gradients share.
namespace dormouse::engine {

/// Checks x [N, C, …] against weights w [M, C/group, …] and the attributes; returns the shape of the output,
/// extents kDynamic where x's are.
Shape infer_convolution(const InferContext& context, const Shape& x, const Shape& w);

/// fail()s unless input `i`, where given, is of `type` and one value per output channel of y [N, M, …].
void check_bias(const InferContext& context, std::size_t i, DType type, const Shape& y);
/// What reaches the bias where `dy` reaches y.
Value bias_gradient(Value dy);

/// A convolution cut into matrix products: per image and group, W [m × k] · columns [k × block] for
/// successive blocks of the output, so that scratch stays small whatever the image.
struct Convolution {
  SlidingWindow window;
  std::int64_t images, groups;
  std::int64_t m;         ///< output channels of a group
  std::int64_t k;         ///< weights of an output channel: input channels of a group × kernel
  std::int64_t channels;  ///< input channels of a group
  std::int64_t x_plane, y_plane;
  std::int64_t block;  ///< outputs at a time

  Convolution(const Attributes& attributes, const Shape& x, const Shape& w, const Shape& y);
  /// By weights w [M, C/group, …] with a window that is laid out already.
  Convolution(SlidingWindow window, std::int64_t images, std::int64_t groups, const Shape& w);
  std::size_t column_bytes() const { return static_cast<std::size_t>(k * block) * sizeof(double); }
  std::int64_t x_offset(std::int64_t image, std::int64_t group) const {
    return (image * groups + group) * channels * x_plane;
  }
  std::int64_t y_offset(std::int64_t image, std::int64_t group) const {
    return (image * groups + group) * m * y_plane;
  }

  /// Calls f(image, group, first output, outputs) for each block.
  template <class F>
  void for_blocks(F f) const {
    for (std::int64_t image = 0; image < images; ++image)
      for (std::int64_t group = 0; group < groups; ++group)
        for (std::int64_t first = 0; first < y_plane; first += block)
          f(image, group, first, std::min(block, y_plane - first));
  }
};

}  // namespace dormouse::engine
