#pragma once

#include "engine/ops/convolution.h"

/// What ConvTranspose needs of its attributes. It is the gradient of a convolution that reads the output y
/// and makes the input x; that convolution's window is what it computes with.
namespace dormouse::engine {

/// Checks x [N, C, 1 to 3 spatial] against weights w [C, M/group, …] and the attributes; returns the shape of
/// y [N, M, …], extents kDynamic where x's are.
Shape infer_transposed(const InferContext& context, const Shape& x, const Shape& w);

/// The convolution from y to x.
Convolution transposed_convolution(const Attributes& attributes, const Shape& x, const Shape& w,
                                   const Shape& y);

/// Attributes of Conv for the same convolution, with its pads spelt out. Throws Failure(unsupported) when no
/// pads describe it: where the output was asked to be much larger than the input reaches.
Attributes forward_attributes(const Attributes& attributes, const Shape& x, const Shape& w, const Shape& y);

}  // namespace dormouse::engine
