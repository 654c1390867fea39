#pragma once

#include <vector>

#include "engine/ops/inference.h"

/// What Gather and its gradient share.
namespace dormouse::engine {

/// fail()s unless input `indices` is i32 or i64 and, where its value is known, inside the gathered axis of
/// input `data`.
void check_indices(const InferContext& context, std::size_t data, std::size_t indices);
Shape gathered_shape(const InferContext& context, const Shape& data, const Shape& indices);

/// Which slices of the data go where: slices are `inner` elements long.
struct Gathering {
  std::int64_t outer, extent, inner;
  std::vector<std::int64_t> indices;

  /// `data` is the input whose shape is gathered from.
  Gathering(const KernelContext& context, std::size_t data, std::size_t indices_input);

  /// Calls f(slice of the data, slice of the gathered); the first is -1 where an index is outside the axis.
  template <class F>
  void each(F f) const {
    const std::int64_t count = static_cast<std::int64_t>(indices.size());
    for (std::int64_t o = 0; o < outer; ++o) {
      for (std::int64_t i = 0; i < count; ++i) {
        std::int64_t index = indices[static_cast<std::size_t>(i)];
        if (index < 0) index += extent;
        f(index >= 0 && index < extent ? o * extent + index : -1, o * count + i);
      }
    }
  }
};

}  // namespace dormouse::engine
