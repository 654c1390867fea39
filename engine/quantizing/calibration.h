#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "engine/quantizing/quantizing.h"

namespace dormouse::engine {

/// The smallest and the largest element that a value had, and 0.
struct Range {
  float low = 0, high = 0;

  void include(float value) {
    low = value < low ? value : low;
    high = value > high ? value : high;
  }
  void include(const Range& other) {
    include(other.low);
    include(other.high);
  }
};

/// The ranges of the f32 `values` of `graph` while it runs on `data`. Throws Failure(invalid) naming a value
/// that was not finite.
std::unordered_map<ValueId, Range> measure_ranges(const Graph& graph, std::span<const ValueId> values,
                                                  std::span<const Batch> data,
                                                  std::span<const Driver* const> drivers);

}  // namespace dormouse::engine
