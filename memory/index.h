#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "memory/episode.h"

namespace dormouse::memory {

/// The columns beside a vector. `label` is the caller's class number, taught or, failing that, predicted.
struct IndexRow {
  EpisodeId id = 0;
  std::uint32_t label = 0;
  bool labelled = false;  ///< taught by someone, not merely predicted
  std::int64_t time = 0;  ///< any unit, for Filter
};

/// Which rows count. Everything by default.
struct Filter {
  std::optional<std::uint32_t> label{};
  bool labelled_only = false;
  bool without_held_out = false;
  std::int64_t after = std::numeric_limits<std::int64_t>::min();   ///< time > after
  std::int64_t before = std::numeric_limits<std::int64_t>::max();  ///< time < before
};

struct Match {
  EpisodeId id = 0;
  std::uint32_t label = 0;
  bool labelled = false;
  float distance = 0;  ///< Euclidean, between the query and the stored (int8) vector
};

/// Nearest neighbours by exact scan over int8 vectors in RAM; up to ~50,000 rows this beats a graph.
///
/// Distances are Euclidean: d² = |q|² + |x|² − 2·q·x with |x|² kept per row. The scan compares the query in
/// int8 too, keeps the best max(4k, 32) rows, and scores those again with the query in f32, so a result's
/// distance is exact for the stored vector.
///
/// One writer, any number of readers that never wait: rows are only ever appended, in chunks of kChunkRows
/// that stay where they are, and become visible with one release store; a removed row is marked. Marked rows
/// cost scan time and space until the owner replaces the index by compacted().
class ExactIndex {
 public:
  static constexpr std::size_t kChunkRows = 4096;
  static constexpr std::size_t kMaxNeighbours = 64;

  /// For vectors of `width` elements, and at most `max_rows` appended over its life.
  ExactIndex(std::size_t width, std::size_t max_rows);
  ~ExactIndex();

  // Writer.

  /// Appends a row; its width is the index's (ensure()d). False when the index is full: compact it.
  [[nodiscard]] bool add(const IndexRow& row, const CodedLatent& latent);
  /// Marks the row of `id` as gone; false when there is none.
  bool remove(EpisodeId id);
  /// Changes the class of a row; false when there is none.
  bool relabel(EpisodeId id, std::uint32_t label, bool labelled);
  /// The live rows in a new index.
  std::unique_ptr<ExactIndex> compacted(std::size_t max_rows) const;
  /// More than 15% of the rows are marked, or there is no room.
  bool wants_compaction() const;

  // Readers.

  /// The nearest `k` (at most kMaxNeighbours) live rows that pass `filter`, nearest first, ties by id.
  /// `query` has width() finite elements (Failure(invalid) otherwise).
  std::vector<Match> search(std::span<const float> query, std::size_t k, const Filter& filter = {}) const;

  std::size_t width() const { return width_; }
  std::size_t size() const;   ///< live rows
  std::size_t bytes() const;  ///< RAM held

 private:
  struct Chunk;
  struct Candidate;
  class Best;

  const Chunk* chunk_of(std::size_t row) const;
  Chunk* find_row(EpisodeId id, std::size_t& row) const;
  void scan(const Chunk& chunk, std::size_t rows, const CodedLatent& query, const Filter& filter,
            Best& best) const;

  std::size_t width_;
  std::size_t stride_;
  std::size_t max_rows_;
  std::vector<std::atomic<Chunk*>> chunks_;
  std::atomic<std::size_t> rows_{0};
  std::atomic<std::size_t> gone_{0};
};

/// Σ a[i]·b[i]. Kernels behind the scan, for tests; `n` is a multiple of 32.
using DotKernel = std::int32_t (*)(const std::int8_t* a, const std::int8_t* b, std::size_t n);
DotKernel portable_dot();
/// The fastest that this processor runs: chosen once.
DotKernel best_dot();

}  // namespace dormouse::memory
