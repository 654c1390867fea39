#include "memory/vector_rows.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "config/error.h"

namespace dormouse::memory {
namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kHugePage = 2 << 20;
constexpr std::size_t kWidest = 65'536;  // what the dot kernels hold

// Label and labelled in one word, so that a reader never sees the one without the other.
std::uint64_t pack(std::uint32_t label, bool labelled) {
  return std::uint64_t{label} << 1 | (labelled ? 1 : 0);
}
std::uint32_t label_of(std::uint64_t packed) { return static_cast<std::uint32_t>(packed >> 1); }
bool is_labelled(std::uint64_t packed) { return (packed & 1) != 0; }

std::size_t chunks_for(std::size_t rows) {
  return (rows + VectorRows::kChunkRows - 1) / VectorRows::kChunkRows;
}

}  // namespace

void VectorRows::Free::operator()(std::int8_t* memory) const { std::free(memory); }

// Huge pages where the chunk fills some: a scan then runs a seventh faster. What no
// row has been written to yet is not resident.
VectorRows::Chunk::Chunk(std::size_t stride) {
  const std::size_t bytes = kChunkRows * stride;
  const std::size_t alignment = bytes < kHugePage ? kCacheLine : kHugePage;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  codes.reset(static_cast<std::int8_t*>(std::aligned_alloc(alignment, rounded)));
  if (!codes) throw std::bad_alloc();
  if (alignment == kHugePage)
    ::madvise(codes.get(), rounded, MADV_HUGEPAGE);  // a wish: where it fails, 4 KiB do
}

VectorRows::VectorRows(std::size_t width, std::size_t max_rows)
    : width_(width),
      stride_((width + kDotStep - 1) / kDotStep * kDotStep),
      max_rows_(max_rows),
      chunks_(chunks_for(max_rows)) {
  ensure(width > 0 && width <= kWidest, "int32 holds the dot product of such vectors");
  ensure(max_rows <= std::numeric_limits<std::uint32_t>::max(), "a row's number has 32 bits");
}

std::size_t VectorRows::bytes() const {
  return chunks_for(rows()) * sizeof(Chunk) + rows() * stride_ + chunks_.size() * sizeof(chunks_[0]);
}

bool VectorRows::add(const IndexRow& row, std::span<const std::int8_t> codes, float scale) {
  ensure(codes.size() == width_, "a row is as wide as its index");
  const std::size_t next = rows_.load(std::memory_order_relaxed);
  if (next == max_rows_) return false;
  const std::size_t at = next % kChunkRows;
  if (at == 0) chunks_[next / kChunkRows] = std::make_unique<Chunk>(stride_);
  Chunk& chunk = *chunks_[next / kChunkRows];
  std::int8_t* const own = chunk.codes.get() + at * stride_;
  std::fill(std::ranges::copy(codes, own).out, own + stride_,
            std::int8_t{0});  // padding adds nothing to a product
  const std::int8_t* const self = own;
  std::int32_t squares = 0;
  best_dot()(self, &self, stride_, 1, &squares);
  chunk.measures[at] = {static_cast<float>(squares) * scale * scale, scale};
  chunk.ids[at] = row.id;
  Columns& columns = chunk.columns[at];
  columns.packed.store(pack(row.label, row.labelled), std::memory_order_relaxed);
  columns.time = row.time;
  columns.version = row.version;
  chunk.lowest = std::min(chunk.lowest, row.id);
  chunk.highest = std::max(chunk.highest, row.id);
  rows_.store(next + 1, std::memory_order_release);
  return true;
}

std::atomic<std::uint64_t>* VectorRows::find(EpisodeId id) {
  const std::size_t rows = rows_.load(std::memory_order_relaxed);
  for (std::size_t first = 0; first < rows; first += kChunkRows) {
    Chunk& chunk = *chunks_[first / kChunkRows];
    if (id < chunk.lowest || id > chunk.highest) continue;
    const auto ids = std::span(chunk.ids).first(std::min(rows - first, kChunkRows));
    for (auto at = ids.begin(); (at = std::find(at, ids.end(), id)) != ids.end(); ++at) {
      auto& packed = chunk.columns[static_cast<std::size_t>(at - ids.begin())].packed;
      if (packed.load(std::memory_order_relaxed) != kGone) return &packed;
    }
  }
  return nullptr;
}

bool VectorRows::remove(EpisodeId id) {
  auto* const packed = find(id);
  if (!packed) return false;
  packed->store(kGone, std::memory_order_relaxed);
  gone_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool VectorRows::relabel(EpisodeId id, std::uint32_t label, bool labelled) {
  auto* const packed = find(id);
  if (packed) packed->store(pack(label, labelled), std::memory_order_relaxed);
  return packed != nullptr;
}

std::optional<IndexRow> VectorRows::columns(std::size_t row) const {
  const Chunk& chunk = chunk_of(row);
  const std::size_t at = row % kChunkRows;
  const Columns& columns = chunk.columns[at];
  const std::uint64_t packed = columns.packed.load(std::memory_order_relaxed);
  if (packed == kGone) return std::nullopt;
  return IndexRow{chunk.ids[at], label_of(packed), is_labelled(packed), columns.time, columns.version};
}

std::shared_ptr<VectorRows> VectorRows::rearranged(std::span<const std::uint32_t> first,
                                                   std::size_t max_rows) const {
  const std::size_t rows = rows_.load(std::memory_order_relaxed);
  std::vector<bool> placed(rows);
  auto fresh = std::make_shared<VectorRows>(width_, std::max(max_rows, rows));
  const auto copy = [&](std::size_t row, const IndexRow& columns) {
    ensure(fresh->add(columns, {codes(row), width_}, measure(row).scale), "a copy has room");
  };
  for (const std::uint32_t row : first) {
    placed[row] = true;
    const auto found = columns(row);
    copy(row, found.value_or(IndexRow{.id = id(row)}));
    if (found) continue;
    const std::size_t last = fresh->rows() - 1;
    fresh->chunks_[last / kChunkRows]->columns[last % kChunkRows].packed = kGone;
    ++fresh->gone_;
  }
  for (std::size_t row = 0; row < rows; ++row)
    if (const auto found = columns(row); found && !placed[row]) copy(row, *found);
  return fresh;
}

}  // namespace dormouse::memory
