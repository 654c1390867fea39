#pragma once

#include <memory>
#include <vector>

#include "memory/graph_links.h"
#include "memory/vector_rows.h"

namespace dormouse::memory {

/// Builds a graph over the rows that are live when it is made, in pieces, so that a night can stop between
/// them.
///
/// hnswlib 0.8.0 inserts, and nothing else: its data is a row's number, its distance our kernel on codes.
/// While it works it holds about 250 bytes a node; the rows may grow, change and lose rows meanwhile. One
/// thread at a time.
class GraphBuilder {
 public:
  explicit GraphBuilder(std::shared_ptr<const VectorRows> rows);
  GraphBuilder(GraphBuilder&&) noexcept;
  ~GraphBuilder();

  /// Inserts up to `count` more nodes; true when all are in. A node takes 0.1 to 0.5 ms.
  bool advance(std::size_t count);
  std::size_t inserted() const;
  std::size_t size() const { return nodes_.size(); }

  /// Once all are in, and there was at least one.
  GraphLinks links() const;
  /// The row of each node, ascending.
  const std::vector<std::uint32_t>& nodes() const { return nodes_; }
  /// The rows left out: 256 spread evenly over the others, or an eighth where there are few. Ascending.
  const std::vector<std::uint32_t>& examiners() const { return examiners_; }
  const std::shared_ptr<const VectorRows>& rows() const { return rows_; }

 private:
  struct Hnsw;

  std::shared_ptr<const VectorRows> rows_;
  std::vector<std::uint32_t> nodes_;
  std::vector<std::uint32_t> examiners_;
  std::unique_ptr<Hnsw> hnsw_;
};

}  // namespace dormouse::memory
