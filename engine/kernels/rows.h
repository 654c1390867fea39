#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/shape.h"

namespace dormouse::engine {

/// Calls f(offset of the row's first element, index) for every row of a tensor's last dimension, in order;
/// the index has an entry for each dimension, 0 for the last. The shape has at least one dimension.
template <class F>
void for_rows(const Shape& shape, F f) {
  const std::size_t last = shape.rank() - 1;
  std::vector<std::size_t> index(shape.rank(), 0);
  const std::int64_t rows = shape.back() == 0 ? 0 : shape.elements(0, last);
  for (std::int64_t row = 0; row < rows; ++row) {
    f(row * shape.back(), static_cast<const std::vector<std::size_t>&>(index));
    for (std::size_t d = last; d-- > 0 && ++index[d] == static_cast<std::size_t>(shape[d]);) index[d] = 0;
  }
}

}  // namespace dormouse::engine
