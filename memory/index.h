#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "memory/graph_builder.h"
#include "memory/options.h"
#include "memory/vector_rows.h"

namespace dormouse::memory {

class Graph;

struct Match {
  EpisodeId id = 0;
  std::uint32_t label = 0;
  bool labelled = false;
  float distance = 0;  ///< Euclidean, between the query and the stored vector
};

/// A graph made aside, over some rows of an index: see VectorIndex::with.
struct IndexGraph {
  std::shared_ptr<const VectorRows> rows;
  std::vector<std::uint32_t> nodes;    ///< the row of each node
  std::shared_ptr<const Graph> graph;  ///< nullptr: none is worth having over these rows
  std::size_t beam = 0;                ///< what its examination found: see narrowest_beam
};

/// The graph of `builder`, which is done. Reads every row some hundred times.
IndexGraph examined(const GraphBuilder& builder);

/// Nearest neighbours of a memory, in RAM: every row is scanned, or a graph (HNSW) leads to the older ones
/// and only the newer are scanned.
///
/// Distances are Euclidean: d² = |q|² + |x|² − 2·q·x with |x|² kept per row. The search compares the query in
/// int8 too, keeps at least the best max(4k, 32) rows, and scores those again with the query in f32, so a
/// result's distance is exact for the stored vector. With a graph the best are those that its beam met,
/// which an examination found wide enough for 99 of 100 true neighbours. A search whose filter few rows pass
/// scans.
///
/// One writer, any number of readers that never wait: see VectorRows. A graph never changes: the owner has
/// one built aside, over the rows that live then, and puts with() it in service by swapping its pointer to
/// the index.
class VectorIndex {
 public:
  static constexpr std::size_t kMaxNeighbours = 64;

  /// For vectors of `width` elements, and at most `max_rows` appended over its life. f16: results are scored
  /// by the halves of rows that have them.
  VectorIndex(std::size_t width, std::size_t max_rows, LatentFormat format = LatentFormat::int8);
  VectorIndex(VectorIndex&&) = default;

  // Writer.

  /// Appends a row that was just remembered; its width is the index's (ensure()d). False when the index is
  /// full: compact it.
  [[nodiscard]] bool add(const IndexRow& row, const CodedLatent& latent);
  /// Appends a row of old, which is no traffic.
  [[nodiscard]] bool load(const IndexRow& row, const LatentView& latent) { return rows_->add(row, latent); }
  /// Marks the row of `id` as gone; false when there is none.
  bool remove(EpisodeId id) { return rows_->remove(id); }
  /// Changes the class of a row; false when there is none.
  bool relabel(EpisodeId id, std::uint32_t label, bool labelled) {
    return rows_->relabel(id, label, labelled);
  }

  /// There is no room, or more than 15% of the rows are marked and no new graph is going to leave them out.
  bool wants_compaction(IndexKind kind) const;
  /// The live rows in a new index, without a graph, and with room for as many again.
  std::unique_ptr<VectorIndex> compacted() const;

  /// A graph would pay, and rows that came or went since the last one was made exceed 15% of its rows.
  bool wants_graph(IndexKind kind) const;
  GraphBuilder begin_graph() const { return GraphBuilder(rows_); }
  /// This index with a graph in service, compacted at the same time; or, when none is worth having, without
  /// one until the rows have changed. Nothing when `made` is of rows that have been replaced since.
  std::unique_ptr<VectorIndex> with(const IndexGraph& made) const;

  // Readers.

  /// The nearest `k` (at most kMaxNeighbours) live rows that pass `filter`, nearest first, ties by id.
  /// `query` has width() finite elements (Failure(invalid) otherwise).
  std::vector<Match> search(std::span<const float> query, std::size_t k, const Filter& filter = {}) const;

  std::size_t width() const { return rows_->width(); }
  std::size_t size() const;   ///< live rows
  std::size_t bytes() const;  ///< RAM held
  bool has_graph() const { return graph_ != nullptr; }
  std::shared_ptr<const VectorRows> rows() const { return rows_; }

 private:
  struct Traffic {
    std::atomic<std::uint64_t> searches{0};
    std::atomic<std::uint64_t> inserts{0};
  };

  VectorIndex(const VectorIndex& before, std::shared_ptr<VectorRows> rows);

  bool graph_pays(IndexKind kind) const;

  std::shared_ptr<VectorRows> rows_;
  std::shared_ptr<const Graph> graph_;  ///< node i is row i; nullptr: all rows are scanned
  std::size_t beam_ = 0;
  std::size_t considered_ = 0;        ///< nodes of the graph, or rows when it was decided to have none …
  std::size_t gone_then_ = 0;         ///< … and how many rows were gone then
  std::shared_ptr<Traffic> traffic_;  ///< since the first of the indexes that followed each other
};

}  // namespace dormouse::memory
