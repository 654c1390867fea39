#pragma once

#include <cstdint>
#include <optional>

#include "engine/driver.h"
#include "engine/graph.h"

/// What nodes ask of a machine, as far as shapes say.
namespace dormouse::engine {

/// Multiplications and additions, in pairs, of a convolution, matrix product or recurrent layer; 0 of other
/// operators, nothing where shapes are not known.
std::optional<std::int64_t> macs_of(const Graph& graph, const Node& node);

struct Cost {
  std::int64_t macs = 0;   ///< of the nodes whose shapes are known
  std::int64_t bytes = 0;  ///< read from and written to memory at least: operands once each
};

Cost cost_of(const Graph& graph, const Node& node);
/// What lies between the nodes of a partition is not counted: it need not leave the caches.
Cost cost_of(const Partition& partition);

}  // namespace dormouse::engine
