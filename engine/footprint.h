#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/driver.h"
#include "engine/graph.h"

namespace dormouse::engine {

/// Where the memory of a model goes that serves inputs of one shape by one request at a time, in bytes.
struct Footprint {
  std::size_t mapped = 0;     ///< constants in their file, and those made of such while they are packed: pages
                              ///< that the system can take back at any time
  std::size_t copied = 0;     ///< constants on the heap: decoded, misaligned in the file, or made by passes
  std::size_t packed = 0;     ///< constants once more, as drivers want them
  std::size_t arena = 0;      ///< values between steps
  std::size_t scratch = 0;    ///< of portable kernels
  std::size_t workspace = 0;  ///< of drivers, while they run
  std::size_t tables = 0;     ///< graph, plan and programs
  std::size_t outputs = 0;    ///< of one answer

  /// Memory that is the process's own, at its peak: all but `mapped`.
  std::size_t total() const { return copied + packed + arena + scratch + workspace + tables + outputs; }
};

/// The graph's input shapes, with 1 for every dynamic extent.
std::vector<Shape> least_shapes(const Graph& graph);

/// Foresees what a session of `graph` takes for inputs of these shapes, without taking it. Where shapes
/// depend on data, what comes behind is not counted, nor are the sessions of subgraphs. Throws as make_plan()
/// does.
Footprint foresee(const Graph& graph, std::span<const Shape> shapes, std::span<const Driver* const> drivers);

}  // namespace dormouse::engine
