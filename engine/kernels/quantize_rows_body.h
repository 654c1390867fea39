#pragma once

#include "engine/kernels/quantize.h"
#include "engine/kernels/quantize_rows.h"

namespace dormouse::engine {
namespace {

template <class Q>
void quantize_rows(const float* from, Q* to, std::int64_t count, float scale,
                   std::int32_t zero_point) noexcept {
  for (std::int64_t i = 0; i < count; ++i) to[i] = quantized<Q>(from[i] / scale, zero_point);
}

constexpr QuantizeRows kQuantizeRows{quantize_rows<std::uint8_t>, quantize_rows<std::int8_t>};

}  // namespace
}  // namespace dormouse::engine
