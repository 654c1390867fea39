#pragma once

#include <cstdint>
#include <span>

#include "engine/kernels/sliding_window.h"
#include "engine/op.h"

/// The attributes that Conv and pooling share: kernel_shape, strides, pads, dilations, auto_pad, ceil_mode.
namespace dormouse::engine {

/// Checks these attributes against input `x` ([N, C, 1 to 3 spatial]) and `kernel` (one extent per spatial
/// dimension) and returns the output's spatial extents; kDynamic where the input's are. fail()s with what is
/// wrong.
std::vector<std::int64_t> infer_window(const InferContext& context, const Shape& x,
                                       std::span<const std::int64_t> kernel);

/// The kernel_shape attribute; fail()s when it is missing or not positive.
std::vector<std::int64_t> kernel_shape(const InferContext& context);

/// The window for kernels: `x` and `y` are the shapes of a convolution's or pooling's input and output.
SlidingWindow window_of(const Attributes& attributes, const Shape& x, const Shape& y,
                        std::span<const std::int64_t> kernel);

}  // namespace dormouse::engine
