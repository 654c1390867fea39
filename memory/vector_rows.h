#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "memory/dot.h"
#include "memory/episode.h"

namespace dormouse::memory {

/// The columns beside a vector. `label` is the caller's class number, taught or, failing that, predicted.
struct IndexRow {
  EpisodeId id = 0;
  std::uint32_t label = 0;
  bool labelled = false;     ///< taught by someone, not merely predicted
  std::int64_t time = 0;     ///< any unit, for Filter
  std::int64_t version = 0;  ///< of the weights that answered
  std::uint32_t stream = 0;  ///< the caller's number of it, below 2³¹; 0: it came in none
};

/// Which rows count. Everything by default.
struct Filter {
  std::optional<std::uint32_t> label{};
  bool labelled_only = false;
  bool without_held_out = false;
  std::int64_t after = std::numeric_limits<std::int64_t>::min();   ///< time > after
  std::int64_t before = std::numeric_limits<std::int64_t>::max();  ///< time < before
  std::optional<std::int64_t> version{};
  std::optional<std::uint32_t> stream{};

  bool passes(const IndexRow& row) const {
    return (!label || row.label == *label) && (!labelled_only || row.labelled) && row.time > after &&
           row.time < before && (!version || row.version == *version) && (!stream || row.stream == *stream) &&
           !(without_held_out && is_held_out(row.id));
  }
};

/// Vectors in one byte an element, in half precision beside it if asked for, with their columns, column by
/// column in chunks that stay where they are.
///
/// One writer, any number of readers that never wait: rows are only ever appended and become visible with one
/// release store; a removed row is marked, and goes on costing time and space until the owner replaces the
/// whole by rearranged(). Readers take rows() once and ask for no row beyond it.
class VectorRows {
 public:
  static constexpr std::size_t kChunkRows = 16'384;

  using Measure = memory::Measure;

  /// For vectors of `width` elements, at most `max_rows` appended over its life. int8 keeps no halves.
  VectorRows(std::size_t width, std::size_t max_rows, LatentFormat format = LatentFormat::int8);

  // Writer.

  /// Appends a latent as wide as width() (ensure()d). False when there is no room.
  [[nodiscard]] bool add(const IndexRow& row, const LatentView& latent);
  /// Marks the row of `id` as gone; false when there is none.
  bool remove(EpisodeId id);
  /// Changes the class of a row; false when there is none.
  bool relabel(EpisodeId id, std::uint32_t label, bool labelled);

  /// The rows numbered in `first` in this order, gone ones too, then every other live row in its own order.
  std::shared_ptr<VectorRows> rearranged(std::span<const std::uint32_t> first, std::size_t max_rows) const;

  // Readers.

  std::size_t rows() const { return rows_.load(std::memory_order_acquire); }
  std::size_t gone() const { return gone_.load(std::memory_order_relaxed); }
  std::size_t max_rows() const { return max_rows_; }
  LatentFormat format() const { return format_; }
  std::size_t width() const { return width_; }
  std::size_t stride() const { return stride_; }  ///< codes from one row to the next, zeros after width()
  std::size_t bytes() const;                      ///< RAM held

  const std::int8_t* codes(std::size_t row) const {
    return chunk_of(row).codes.as<std::int8_t>() + row % kChunkRows * stride_;
  }
  /// width() of them; empty when this row has none.
  std::span<const std::uint16_t> halves(std::size_t row) const;
  LatentView latent(std::size_t row) const { return {{codes(row), width_}, measure(row).scale, halves(row)}; }
  const Measure& measure(std::size_t row) const { return chunk_of(row).measures[row % kChunkRows]; }
  EpisodeId id(std::size_t row) const { return chunk_of(row).columns[row % kChunkRows].id; }
  /// Nothing when the row is gone.
  std::optional<IndexRow> columns(std::size_t row) const;
  bool is_gone(std::size_t row) const { return packed(row).load(std::memory_order_relaxed) == kGone; }
  void prefetch_columns(std::size_t row) const {
    __builtin_prefetch(&chunk_of(row).columns[row % kChunkRows]);
  }
  bool passes(std::size_t row, const Filter& filter) const {
    const auto found = columns(row);
    return found && filter.passes(*found);
  }

 private:
  /// Memory of its own mapping, in huge pages where it fills some, resident once it is written to.
  class Pages {
   public:
    explicit Pages(std::size_t bytes);
    ~Pages();
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;
    template <class T>
    T* as() const {
      return reinterpret_cast<T*>(memory_);
    }

   private:
    std::int8_t* memory_;
    std::size_t bytes_;
  };
  /// Asked together, of the few rows that are near enough: one cache line.
  struct alignas(32) Columns {
    std::atomic<std::uint64_t> packed;  ///< stream, label and labelled, or kGone
    EpisodeId id;
    std::int64_t time;
    std::int64_t version;
  };
  struct Chunk {
    Chunk(std::size_t stride, std::size_t halves_width);

    Pages codes;
    std::optional<Pages> halves;  ///< a row without has kNoHalves first
    std::array<Measure, kChunkRows> measures;
    std::array<Columns, kChunkRows> columns;
    // The writer's, to find an id.
    EpisodeId lowest = ~EpisodeId{0}, highest = 0;
    bool ascending = true;
  };
  static constexpr std::uint64_t kGone = ~std::uint64_t{0};
  static constexpr std::uint16_t kNoHalves = 0xffff;  // the bits of a NaN, which no latent holds

  // The acquire of rows_ that showed a row showed its chunk too.
  const Chunk& chunk_of(std::size_t row) const { return *chunks_[row / kChunkRows]; }
  const std::atomic<std::uint64_t>& packed(std::size_t row) const {
    return chunk_of(row).columns[row % kChunkRows].packed;
  }
  std::atomic<std::uint64_t>* find(EpisodeId id);

  std::size_t width_;
  std::size_t stride_;
  std::size_t max_rows_;
  LatentFormat format_;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::atomic<std::size_t> rows_{0};
  std::atomic<std::size_t> gone_{0};
};

}  // namespace dormouse::memory
