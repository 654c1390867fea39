#pragma once

#include <cstdint>

#include "engine/shape.h"

namespace dormouse::engine {

/// A tensor seen as lines along one axis: element i of line (outer, inner) is at outer·length·inner_count +
/// i·inner_count
/// + inner.
struct Lines {
  std::int64_t outer_count, length, inner_count;

  Lines(const Shape& shape, std::size_t axis)
      : outer_count(shape.elements(0, axis)),
        length(shape[axis]),
        inner_count(shape.elements(axis + 1, shape.rank())) {}

  /// Calls f(offset of the line's first element, its number) for each line; its elements lie inner_count
  /// apart.
  template <class F>
  void each(F f) const {
    for (std::int64_t outer = 0; outer < outer_count; ++outer)
      for (std::int64_t inner = 0; inner < inner_count; ++inner)
        f(outer * length * inner_count + inner, outer * inner_count + inner);
  }
};

}  // namespace dormouse::engine
