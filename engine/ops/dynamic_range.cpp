#include "engine/ops/dynamic_range.h"

#include "engine/kernels/quantize.h"

namespace dormouse::engine {
namespace {

struct Bounds {
  float low = 0, high = 0;
};

Bounds bounds(std::span<const float> x) {
  constexpr std::size_t kPartials = 16;
  Bounds partial[kPartials];
  const auto extend = [](Bounds& bounds, float value) {
    bounds.low = value < bounds.low ? value : bounds.low;
    bounds.high = value > bounds.high ? value : bounds.high;
  };
  std::size_t i = 0;
  for (; i + kPartials <= x.size(); i += kPartials)
    for (std::size_t j = 0; j < kPartials; ++j) extend(partial[j], x[i + j]);
  for (; i < x.size(); ++i) extend(partial[0], x[i]);
  Bounds result;
  for (const Bounds& part : partial) {
    extend(result, part.low);
    extend(result, part.high);
  }
  return result;
}

}  // namespace

DynamicRange dynamic_range(std::span<const float> values) {
  const auto [low, high] = bounds(values);
  const float scale = low == high ? 1.0f : (high - low) / 255;
  return {scale, quantized<std::uint8_t>(-low / scale, 0)};
}

}  // namespace dormouse::engine
