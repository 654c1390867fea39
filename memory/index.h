#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "memory/vector_rows.h"

namespace dormouse::memory {

struct Match {
  EpisodeId id = 0;
  std::uint32_t label = 0;
  bool labelled = false;
  float distance = 0;  ///< Euclidean, between the query and the stored (int8) vector
};

/// Nearest neighbours of a memory, in RAM.
///
/// Distances are Euclidean: d² = |q|² + |x|² − 2·q·x with |x|² kept per row. The search compares the query in
/// int8 too, keeps the best max(4k, 32) rows, and scores those again with the query in f32, so a result's
/// distance is exact for the stored vector.
///
/// One writer, any number of readers that never wait: see VectorRows.
class VectorIndex {
 public:
  static constexpr std::size_t kMaxNeighbours = 64;

  /// For vectors of `width` elements, and at most `max_rows` appended over its life.
  VectorIndex(std::size_t width, std::size_t max_rows);

  // Writer.

  /// Appends a row; its width is the index's (ensure()d). False when the index is full: compact it.
  [[nodiscard]] bool add(const IndexRow& row, const CodedLatent& latent);
  /// Marks the row of `id` as gone; false when there is none.
  bool remove(EpisodeId id) { return rows_->remove(id); }
  /// Changes the class of a row; false when there is none.
  bool relabel(EpisodeId id, std::uint32_t label, bool labelled) {
    return rows_->relabel(id, label, labelled);
  }
  /// The live rows in a new index.
  std::unique_ptr<VectorIndex> compacted(std::size_t max_rows) const;
  /// More than 15% of the rows are marked, or there is no room.
  bool wants_compaction() const;

  // Readers.

  /// The nearest `k` (at most kMaxNeighbours) live rows that pass `filter`, nearest first, ties by id.
  /// `query` has width() finite elements (Failure(invalid) otherwise).
  std::vector<Match> search(std::span<const float> query, std::size_t k, const Filter& filter = {}) const;

  std::size_t width() const { return rows_->width(); }
  std::size_t size() const;   ///< live rows
  std::size_t bytes() const;  ///< RAM held

 private:
  explicit VectorIndex(std::shared_ptr<VectorRows> rows) : rows_(std::move(rows)) {}

  std::shared_ptr<VectorRows> rows_;
};

}  // namespace dormouse::memory
