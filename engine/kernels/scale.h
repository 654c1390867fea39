#pragma once

#include <span>

namespace dormouse::engine {

/// Multiplies each value in double precision.
void scale(std::span<float> values, double by) noexcept;
void scale(std::span<double> values, double by) noexcept;

}  // namespace dormouse::engine
