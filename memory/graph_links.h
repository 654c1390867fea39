#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dormouse::memory {

/// A hierarchical navigable small world graph (HNSW; Malkov and Yashunin, arXiv 1603.09320) as plain lists:
/// what the builder makes and the checkpoint stores.
struct GraphLinks {
  static constexpr std::uint32_t kDegree = 16;  ///< links of a node on each level; twice as many on level 0
  static constexpr std::uint8_t kTopLevel = 15;

  std::uint32_t entry = 0;           ///< a node of the highest level
  std::vector<std::uint8_t> levels;  ///< of each node: it has one list for each level from 0 to this
  std::vector<std::uint32_t>
      first;  ///< where each list begins in `links`, node by node, level by level; and the end
  std::vector<std::uint32_t> links;  ///< numbers of nodes

  std::size_t size() const { return levels.size(); }
};

/// Where the lists of each node begin in GraphLinks::first.
std::vector<std::uint32_t> list_offsets(const GraphLinks& graph);

/// What is wrong with a graph from outside, in words; empty when a search can trust it: there is a node,
/// levels and degrees are within bounds, every link leads to another node that has the level, once, and the
/// entry is on top.
std::string fault_of(const GraphLinks& graph);

/// The graph without the `lost` nodes, the others renumbered in their order. Who had a link to a lost node
/// gets that node's links instead, as far as the degree allows, so that what was reached through it still is.
/// Some node must be left.
GraphLinks without(const GraphLinks& graph, const std::vector<bool>& lost);

}  // namespace dormouse::memory
