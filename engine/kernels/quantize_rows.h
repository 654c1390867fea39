#pragma once

#include <cstdint>

/// Rows of floats as 8-bit integers: to[i] = round(from[i] / scale) + zero_point, saturated; see quantized().
namespace dormouse::engine {

struct QuantizeRows {
  void (*u8)(const float* from, std::uint8_t* to, std::int64_t count, float scale,
             std::int32_t zero_point) noexcept;
  void (*i8)(const float* from, std::int8_t* to, std::int64_t count, float scale,
             std::int32_t zero_point) noexcept;
};

extern const QuantizeRows kPortableQuantizeRows;
#if defined(__x86_64__)
extern const QuantizeRows kAvx2QuantizeRows;
#endif

/// Those of the widest vector instructions that this processor has. All give the same bits.
const QuantizeRows& best_quantize_rows();

}  // namespace dormouse::engine
