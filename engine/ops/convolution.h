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

  /// Images that one thread works on, and its scratch.
  struct Part {
    std::int64_t number, begin, end;
    std::byte* columns;         ///< column_bytes()
    std::span<std::byte> rest;  ///< for gemm(), and behind that what else was asked for
  };

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

  /// How many parts of the images are worth a thread each, and the scratch of one: columns and a product of
  /// these extents.
  std::int64_t parts(const KernelContext& context) const {
    return context.parts(images, groups * m * k * y_plane);
  }
  std::size_t part_bytes(std::int64_t rows, std::int64_t columns, std::int64_t depth) const {
    return (column_bytes() + gemm_scratch(rows, columns, depth) + 63) / 64 * 64;
  }

  /// Calls f(image, group, first output, outputs) for each block of the images [begin, end).
  template <class F>
  void for_blocks(std::int64_t begin, std::int64_t end, F f) const {
    for (std::int64_t image = begin; image < end; ++image)
      for (std::int64_t group = 0; group < groups; ++group)
        for (std::int64_t first = 0; first < y_plane; first += block)
          f(image, group, first, std::min(block, y_plane - first));
  }

  /// Calls f(Part) for the images in as many parts as are worth it. The scratch holds `bytes` for each.
  template <class F>
  void share(const KernelContext& context, std::size_t bytes, F f) const {
    in_parts(context.parallel, parts(context), images,
             [&](std::int64_t part, std::int64_t begin, std::int64_t end) {
               const auto memory = context.scratch.subspan(static_cast<std::size_t>(part) * bytes, bytes);
               f(Part{part, begin, end, memory.data(), memory.subspan(column_bytes())});
             });
  }
};

/// y += Wᵀ · x back in its place, for images x [N, M, …] of the convolution's output and y [N, C, …] of its
/// input: what reaches a convolution's input, and a transposed convolution. The scratch holds
/// part_bytes(k, block, m) for each part.
template <class T>
void add_transposed(const Convolution& conv, const KernelContext& context, const T* w, const T* x,
                    T* y) noexcept {
  conv.share(context, conv.part_bytes(conv.k, conv.block, conv.m), [&](const Convolution::Part& part) {
    T* const columns = reinterpret_cast<T*>(part.columns);
    conv.for_blocks(
        part.begin, part.end,
        [&](std::int64_t image, std::int64_t group, std::int64_t first, std::int64_t count) {
          gemm<T>(conv.k, count, conv.m, 1, {w + group * conv.m * conv.k, 1, conv.k},
                  {x + conv.y_offset(image, group) + first, conv.y_plane}, false, columns, count, part.rest);
          col2im(columns, conv.channels, conv.window, first, count, y + conv.x_offset(image, group));
        });
  });
}

}  // namespace dormouse::engine
