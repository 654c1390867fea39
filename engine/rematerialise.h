#pragma once

#include <cstddef>
#include <span>

#include "engine/driver.h"
#include "engine/graph.h"

namespace dormouse::engine {

/// A graph that computes the same in less memory.
struct Rematerialised {
  Graph graph;
  std::size_t bytes = 0;     ///< that a run of it takes on these drivers, see Footprint::total()
  std::size_t segments = 1;  ///< 1: nothing is computed twice
};

/// Trades time for memory in a graph whose first `forward` nodes are a model with its loss, and whose others
/// are what autodiff appended (gradients, and the update made of them).
///
/// The forward nodes are cut into segments of about equal bytes, of which only what later segments read
/// lives on. The backward nodes get all else from a copy of its segment, which waits until the gradient
/// arrives there; the last segment is kept (Chen et al. 2016, "Training deep nets with sublinear memory
/// cost"). Takes the fewest segments that fit into `budget` bytes; where none do, those that need the least.
///
/// Every extent has to be known. Throws as make_plan() does.
Rematerialised rematerialise(const Graph& graph, std::size_t forward, std::size_t budget,
                             std::span<const Driver* const> drivers = {});

}  // namespace dormouse::engine
