#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "memory/candidates.h"
#include "memory/graph_links.h"

namespace dormouse::memory {

/// The rows that a graph's nodes stand for.
struct GraphRows {
  const VectorRows& rows;
  std::span<const std::uint32_t> nodes{};  ///< the row of each node; empty: node i is row i

  std::uint32_t of(std::uint32_t node) const { return nodes.empty() ? node : nodes[node]; }
};

/// A navigable graph over rows of a VectorRows.
///
/// Immutable, so any number of threads may search it. It holds links only; vectors, labels and what is gone
/// are asked of the rows. Built by hnswlib (GraphBuilder), but searched here: hnswlib's own search wants a
/// copy of every vector, calls a function per distance instead of a kernel per neighbourhood, and reads links
/// nobody has checked.
class Graph {
 public:
  /// `links` are without fault_of() (the caller's to know).
  explicit Graph(const GraphLinks& links);

  std::size_t size() const { return layers_.front().first.size() - 1; }
  std::size_t bytes() const;

  /// Offers `best` the rows nearest to `query` that pass `filter`, as many as `best` takes: the beam width,
  /// "ef", is its limit. False when that came to nothing, or to more than reading every row would cost, as
  /// with a filter that few rows pass: `best` then holds a part, and a scan must answer.
  [[nodiscard]] bool search(const GraphRows& rows, const Query& query, const Filter& filter,
                            Best& best) const;

 private:
  /// The nodes of one level, numbered from 0 in it.
  struct Layer {
    std::vector<std::uint32_t> node;   ///< of each member; empty on level 0, where both numbers are the same
    std::vector<std::uint32_t> below;  ///< each member's number in the layer below
    std::vector<std::uint32_t> first;  ///< where each member's links begin; and the end
    std::vector<std::uint32_t> links;  ///< numbers of members

    std::span<const std::uint32_t> of(std::uint32_t member) const {
      return std::span(links).subspan(first[member], first[member + 1] - first[member]);
    }
  };

  /// The node nearest to the query as far as the layers above level 0 tell.
  std::uint32_t descend(const GraphRows& rows, const Query& query) const;

  std::vector<Layer> layers_;
  std::uint32_t entry_ = 0;  ///< a member of the highest layer
};

/// The narrowest beam with which `graph` finds 99 of 100 true neighbours of `examiners`, rows that are not in
/// it; nothing when no beam does that for less than a scan costs: vectors without any structure are like
/// that. `rows` names its nodes, ascending as `examiners` are. Reads every row once for each examiner.
std::optional<std::size_t> narrowest_beam(const Graph& graph, const GraphRows& rows,
                                          std::span<const std::uint32_t> examiners);

}  // namespace dormouse::memory
