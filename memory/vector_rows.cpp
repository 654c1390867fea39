#include "memory/vector_rows.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "config/error.h"

namespace dormouse::memory {
namespace {

constexpr std::size_t kPage = 4 << 10;
constexpr std::size_t kHugePage = 2 << 20;
constexpr std::uint32_t kStreams = std::uint32_t{1} << 31;
constexpr std::size_t kWidest = 65'536;  // what the dot kernels hold

// Label and labelled in one word, so that a reader never sees the one without the other; the stream fills it
// up.
std::uint64_t pack(std::uint32_t stream, std::uint32_t label, bool labelled) {
  return std::uint64_t{stream} << 33 | std::uint64_t{label} << 1 | (labelled ? 1 : 0);
}
std::uint32_t stream_of(std::uint64_t packed) { return static_cast<std::uint32_t>(packed >> 33); }
std::uint32_t label_of(std::uint64_t packed) { return static_cast<std::uint32_t>(packed >> 1); }
bool is_labelled(std::uint64_t packed) { return (packed & 1) != 0; }

std::size_t chunks_for(std::size_t rows) {
  return (rows + VectorRows::kChunkRows - 1) / VectorRows::kChunkRows;
}

}  // namespace

// A scan runs a fifth faster in huge pages. Taken from malloc they would be small ones again as soon as it
// hands out memory for the second time.
VectorRows::Pages::Pages(std::size_t bytes) {
  const std::size_t page = bytes < kHugePage ? kPage : kHugePage;
  bytes_ = (bytes + page - 1) / page * page;
  const std::size_t spare = page == kHugePage ? kHugePage : 0;  // to begin at a huge page
  void* const mapped = ::mmap(nullptr, bytes_ + spare, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* const first = static_cast<std::int8_t*>(mapped);
  const std::size_t before = (page - reinterpret_cast<std::uintptr_t>(mapped) % page) % page;
  memory_ = first + before;
  if (before > 0) ::munmap(first, before);
  if (spare > before) ::munmap(memory_ + bytes_, spare - before);
  if (page == kHugePage) ::madvise(memory_, bytes_, MADV_HUGEPAGE);  // a wish: where it fails, small ones do
}

VectorRows::Pages::~Pages() { ::munmap(memory_, bytes_); }

VectorRows::Chunk::Chunk(std::size_t stride, std::size_t halves_width) : codes(kChunkRows * stride) {
  if (halves_width > 0) halves.emplace(kChunkRows * halves_width * sizeof(std::uint16_t));
}

VectorRows::VectorRows(std::size_t width, std::size_t max_rows, LatentFormat format)
    : width_(width),
      stride_((width + kDotStep - 1) / kDotStep * kDotStep),
      max_rows_(max_rows),
      format_(format),
      chunks_(chunks_for(max_rows)) {
  ensure(width > 0 && width <= kWidest, "int32 holds the dot product of such vectors");
  ensure(max_rows <= std::numeric_limits<std::uint32_t>::max(), "a row's number has 32 bits");
}

std::size_t VectorRows::bytes() const {
  const std::size_t halves = format_ == LatentFormat::f16 ? width_ * sizeof(std::uint16_t) : 0;
  return chunks_for(rows()) * sizeof(Chunk) + rows() * (stride_ + halves) +
         chunks_.size() * sizeof(chunks_[0]);
}

std::span<const std::uint16_t> VectorRows::halves(std::size_t row) const {
  const Chunk& chunk = chunk_of(row);
  if (!chunk.halves) return {};
  const std::span own(chunk.halves->as<const std::uint16_t>() + row % kChunkRows * width_, width_);
  return own[0] == kNoHalves ? std::span<const std::uint16_t>() : own;
}

bool VectorRows::add(const IndexRow& row, const LatentView& latent) {
  ensure(latent.codes.size() == width_ && (latent.halves.empty() || latent.halves.size() == width_),
         "a row is as wide as its index");
  ensure(row.stream < kStreams, "a stream's number has 31 bits");
  const std::size_t next = rows_.load(std::memory_order_relaxed);
  if (next == max_rows_) return false;
  const std::size_t at = next % kChunkRows;
  if (at == 0)
    chunks_[next / kChunkRows] = std::make_unique<Chunk>(stride_, format_ == LatentFormat::f16 ? width_ : 0);
  Chunk& chunk = *chunks_[next / kChunkRows];
  std::int8_t* const own = chunk.codes.as<std::int8_t>() + at * stride_;
  std::fill(std::ranges::copy(latent.codes, own).out, own + stride_,
            std::int8_t{0});  // padding adds nothing to a product
  if (chunk.halves) {
    std::uint16_t* const halves = chunk.halves->as<std::uint16_t>() + at * width_;
    halves[0] = kNoHalves;
    std::ranges::copy(latent.halves, halves);
  }
  const std::int8_t* const self = own;
  std::int32_t squares = 0;
  best_dot()(self, &self, stride_, 1, &squares);
  chunk.measures[at] = {static_cast<float>(squares) * latent.scale * latent.scale, latent.scale};
  Columns& columns = chunk.columns[at];
  columns.packed.store(pack(row.stream, row.label, row.labelled), std::memory_order_relaxed);
  columns.id = row.id;
  columns.time = row.time;
  columns.version = row.version;
  chunk.ascending = chunk.ascending && row.id >= chunk.highest;
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
    const auto columns = std::span(chunk.columns).first(std::min(rows - first, kChunkRows));
    auto at = columns.begin();
    if (chunk.ascending) at = std::ranges::lower_bound(columns, id, {}, &Columns::id);
    for (; at != columns.end() && !(chunk.ascending && at->id > id); ++at)
      if (at->id == id && at->packed.load(std::memory_order_relaxed) != kGone) return &at->packed;
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
  if (!packed) return false;
  const std::uint32_t stream = stream_of(packed->load(std::memory_order_relaxed));
  packed->store(pack(stream, label, labelled), std::memory_order_relaxed);
  return true;
}

std::optional<IndexRow> VectorRows::columns(std::size_t row) const {
  const Columns& columns = chunk_of(row).columns[row % kChunkRows];
  const std::uint64_t packed = columns.packed.load(std::memory_order_relaxed);
  if (packed == kGone) return std::nullopt;
  return IndexRow{columns.id,   label_of(packed), is_labelled(packed),
                  columns.time, columns.version,  stream_of(packed)};
}

std::shared_ptr<VectorRows> VectorRows::rearranged(std::span<const std::uint32_t> first,
                                                   std::size_t max_rows) const {
  const std::size_t rows = rows_.load(std::memory_order_relaxed);
  std::vector<bool> placed(rows);
  auto fresh = std::make_shared<VectorRows>(width_, std::max(max_rows, rows), format_);
  const auto copy = [&](std::size_t row, const IndexRow& columns) {
    ensure(fresh->add(columns, latent(row)), "a copy has room");
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
