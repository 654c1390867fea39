#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "engine/driver.h"
#include "engine/graph.h"

namespace dormouse::engine {

class Parallel;

/// One step of a plan: a portable kernel (no driver, one node) or a partition for a driver.
struct Step {
  const Driver* driver = nullptr;
  Partition partition;
};

/// Where the elements of a value lie during a run.
struct Place {
  enum class Kind : std::uint8_t { nowhere, constant, input, output, arena } kind = Kind::nowhere;
  std::size_t offset = 0;  ///< in the arena
  std::size_t index = 0;   ///< of the graph's inputs or outputs, the one whose elements these are

  bool operator==(const Place&) const = default;
};

/// A graph for one combination of input shapes: partitioned by driver, every value placed in one arena whose
/// parts are reused as lifetimes end. Inputs, and views on them, stay where they are given, and are never
/// overwritten; outputs are computed where they are handed out. Immutable. Where a shape depends on data the
/// plan ends: the rest is the `tail`, to be interpreted on the graph's inputs and, behind them, this graph's
/// outputs.
struct Plan {
  Graph graph;
  std::optional<Graph> tail;
  std::vector<Step> steps;
  std::vector<Place> places;  ///< by value
  std::size_t arena_bytes = 0;
  const Parallel* parallel = nullptr;  ///< of a driver: for the portable kernels; null: there is none
};

/// Specialises `graph` to `shapes` (one per graph input) and plans it.
/// Throws Failure(invalid) when operators refuse the shapes, Failure(too_large) above `arena_limit` bytes.
Plan make_plan(const Graph& graph, std::span<const Shape> shapes, std::span<const Driver* const> drivers,
               std::size_t arena_limit);

/// Nodes in an order that keeps each driver's nodes together, cut into steps. What is not worthwhile for a
/// driver goes to the next that supports it, and in the end to the portable kernels.
std::vector<Step> partition(const Graph& graph, std::span<const Driver* const> drivers);

/// Gives every materialised value of `plan.graph` its place; sets arena_bytes.
void place_values(Plan& plan, std::size_t arena_limit);

}  // namespace dormouse::engine
