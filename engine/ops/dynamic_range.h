#pragma once

#include <cstdint>
#include <span>

/// What DynamicQuantizeLinear and DynamicQuantizeMatMul share.
namespace dormouse::engine {

/// The scale and the zero point of u8 numbers that just cover all of a tensor, and 0.
struct DynamicRange {
  float scale;
  std::uint8_t zero_point;
};
DynamicRange dynamic_range(std::span<const float> values);

}  // namespace dormouse::engine
