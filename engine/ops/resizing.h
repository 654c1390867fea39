#pragma once

#include <optional>
#include <vector>

#include "engine/kernels/resampling.h"
#include "engine/ops/inference.h"

/// What Resize and its gradient share: the inputs roi, scales and sizes, which begin at input `first`, and
/// the attributes.
namespace dormouse::engine {

/// fail()s or refuses when attributes, or the types and lengths of the inputs, are wrong.
void check_resize(const InferContext& context, std::size_t first);

/// The shape that `x` is resized to; nothing while scales and sizes are not known. fail()s with what is
/// wrong.
std::optional<Shape> resized_shape(const InferContext& context, const Shape& x, std::size_t first);

/// For every dimension of `x` how it is resampled into that of `y`.
std::vector<Resampling> resamplings(const KernelContext& context, const Shape& x, const Shape& y,
                                    std::size_t first);

bool is_nearest(const Attributes& attributes);
bool is_crop(const Attributes& attributes);  ///< the region of interest matters

}  // namespace dormouse::engine
