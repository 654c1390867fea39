#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace dormouse::daemon {

/// A raw input in Unicode blocks, as many lines as it needs, `columns` wide at most: one channel or a few
/// over time as a line each (of long ones the loudness), anything like an image in half blocks, two rows a
/// line. In `colour` images have 24 shades of grey. A batch of one is looked through. Empty when there is
/// nothing to draw.
std::string draw(std::span<const std::int64_t> shape, std::span<const float> values, std::size_t columns,
                 bool colour);

}  // namespace dormouse::daemon
