#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/graph.h"

namespace dormouse::daemon {

/// What a model is made of.
struct GraphSummary {
  std::vector<engine::ValueInfo> inputs, outputs;
  std::map<std::string, std::size_t> operators;  ///< nodes of each
  std::size_t nodes = 0;
  std::int64_t parameters = 0;  ///< elements of constants
  std::size_t parameter_bytes = 0;
  /// Multiplications and additions of convolutions and matrix products, in pairs, of one inference with every
  /// dynamic extent 1; nothing where shapes follow from data.
  std::optional<std::int64_t> macs;
};

GraphSummary summarise(const engine::Graph& graph);

}  // namespace dormouse::daemon
