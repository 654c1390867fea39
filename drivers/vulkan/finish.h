#pragma once

#include <cstdint>
#include <optional>

#include "engine/graph.h"

namespace dormouse::drivers::vulkan {

/// What becomes of each result before it is written, as shaders/finish.glsl has it: the activation behind a
/// product, which needs no dispatch of its own then.
struct Finish {
  enum class What : std::uint32_t { nothing, bounds, leaky, hard_swish, hard_sigmoid, sigmoid, swish };
  What what = What::nothing;
  float a = 0, b = 0;
};

/// What `node` does to its first input, element by element; nothing where it is something else.
std::optional<Finish> finish_of(const engine::Graph& graph, const engine::Node& node);

}  // namespace dormouse::drivers::vulkan
