#pragma once

#include <limits>
#include <optional>

#include "drivers/xnnpack/operands.h"

namespace dormouse::drivers::xnnpack {

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Bounds that results are held within.
struct Clamp {
  float low = -kInfinity;
  float high = kInfinity;
};

/// What a Relu or Clip does; nothing for other operators, and where a bound is not known or they cross.
std::optional<Clamp> clamp_of(const engine::Graph& graph, const engine::Node& node);

/// What a kernel writes in place of its node's output: the output of a clamp that alone reads it, or its own.
struct Clamped {
  engine::ValueId value;
  Clamp clamp;
};
Clamped with_clamp(const Builder& builder, engine::ValueId value);

}  // namespace dormouse::drivers::xnnpack
