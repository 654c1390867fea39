#pragma once

#include <cstddef>

#include "engine/dtype.h"

namespace dormouse::engine {

/// Converts `count` elements. Floating to integer truncates, saturates, and makes NaN 0; integers wrap
/// around; everything but 0 is true. `from` and `to` do not overlap.
void convert(DType from_type, const std::byte* from, DType to_type, std::byte* to,
             std::size_t count) noexcept;

}  // namespace dormouse::engine
