#pragma once

#include <cstdint>

#include "engine/dtype.h"

namespace dormouse::engine {

/// Many halves from floats, rounded to nearest even, and back. Rows do not overlap.
struct HalfRows {
  void (*narrow)(const float* from, Half* to, std::int64_t count) noexcept;
  void (*widen)(const Half* from, float* to, std::int64_t count) noexcept;
};

extern const HalfRows kPortableHalfRows;
#if defined(__x86_64__)
extern const HalfRows kF16cHalfRows;
#elif defined(__aarch64__)
extern const HalfRows kNeonHalfRows;
#endif

/// By the processor's own conversion, where it has one.
const HalfRows& best_half_rows();

}  // namespace dormouse::engine
