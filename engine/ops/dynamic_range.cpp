#include "engine/ops/dynamic_range.h"

#include <algorithm>

#include "engine/kernels/quantize.h"

namespace dormouse::engine {
namespace {

struct Bounds {
  float low = 0, high = 0;
};

Bounds bounds(std::span<const float> x) {
  constexpr std::size_t kPartials = 64;  // fewer are unrolled, and do not vectorise then
  float low[kPartials]{}, high[kPartials]{};
  const auto extend = [&](std::size_t j, float value) {
    low[j] = value < low[j] ? value : low[j];
    high[j] = value > high[j] ? value : high[j];
  };
  std::size_t i = 0;
  for (; i + kPartials <= x.size(); i += kPartials)
    for (std::size_t j = 0; j < kPartials; ++j) extend(j, x[i + j]);
  for (; i < x.size(); ++i) extend(0, x[i]);
  return {std::ranges::min(low), std::ranges::max(high)};
}

}  // namespace

DynamicRange dynamic_range(std::span<const float> values) {
  const auto [low, high] = bounds(values);
  const float scale = low == high ? 1.0f : (high - low) / 255;
  return {scale, quantized<std::uint8_t>(-low / scale, 0)};
}

}  // namespace dormouse::engine
