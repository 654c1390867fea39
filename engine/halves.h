#pragma once

#include <string>

#include "engine/graph.h"

/// Graphs of f16 become graphs of f32 (passes/halves.cpp). A driver that computes with halves may know by
/// this which numbers were no more than that, and go back.
namespace dormouse::engine {

inline constexpr std::string_view kOfHalves = "of_halves";

inline bool is_of_halves(const Node& node) { return node.attributes.has(kOfHalves); }
inline void mark_of_halves(Attributes& attributes) {
  attributes.set(std::string(kOfHalves), std::int64_t{1});
}

}  // namespace dormouse::engine
