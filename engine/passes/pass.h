#pragma once

#include <span>
#include <string_view>

#include "engine/graph.h"

namespace dormouse::engine {

/// A rewrite of a graph that keeps what it computes.
struct Pass {
  std::string_view name;
  void (*run)(Graph&);
};

/// Every pass, in run order (all_passes.cpp).
std::span<const Pass* const> all_passes();
/// Runs them all.
void optimise(Graph& graph);

}  // namespace dormouse::engine
