#include "memory/index.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>

#include "config/error.h"

namespace dormouse::memory {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kStep = 32;  // what the dot kernels ask for

struct Free {
  void operator()(std::int8_t* memory) const { std::free(memory); }
};
using Codes = std::unique_ptr<std::int8_t[], Free>;

/// Zeroed, so that padding adds nothing to a dot product.
Codes aligned_codes(std::size_t bytes) {
  const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  auto* memory = static_cast<std::int8_t*>(std::aligned_alloc(kAlignment, rounded));
  if (memory == nullptr) throw std::bad_alloc();
  std::memset(memory, 0, rounded);
  return Codes(memory);
}

/// label and labelled in one word, so that a reader never sees the one without the other.
std::uint64_t pack(std::uint32_t label, bool labelled) {
  return std::uint64_t{label} << 1 | (labelled ? 1 : 0);
}

std::uint32_t label_of(std::uint64_t packed) { return static_cast<std::uint32_t>(packed >> 1); }
bool is_labelled(std::uint64_t packed) { return (packed & 1) != 0; }

constexpr std::uint64_t kGone = ~std::uint64_t{0};

float squared_distance(std::span<const float> query, const std::int8_t* codes, float scale) {
  double squares = 0;
  for (std::size_t i = 0; i < query.size(); ++i) {
    const double gap = double{query[i]} - double{static_cast<float>(codes[i]) * scale};
    squares += gap * gap;
  }
  return static_cast<float>(squares);
}

}  // namespace

struct ExactIndex::Candidate {
  float score;  ///< squared distance; while scanning, without |q|²
  EpisodeId id;
  std::uint64_t packed;
  const std::int8_t* codes;
  float scale;

  bool operator<(const Candidate& other) const {
    return score != other.score ? score < other.score : id < other.id;
  }
};

/// The best `limit` candidates seen, as a heap with the worst on top.
class ExactIndex::Best {
 public:
  explicit Best(std::size_t limit) : limit_(limit) { heap_.reserve(limit); }

  float worst() const {
    return heap_.size() < limit_ ? std::numeric_limits<float>::infinity() : heap_.front().score;
  }
  void offer(const Candidate& candidate) {
    if (heap_.size() == limit_) {
      if (!(candidate < heap_.front())) return;
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.pop_back();
    }
    heap_.push_back(candidate);
    std::push_heap(heap_.begin(), heap_.end());
  }
  std::vector<Candidate> take() { return std::move(heap_); }

 private:
  std::size_t limit_;
  std::vector<Candidate> heap_;
};

struct ExactIndex::Chunk {
  explicit Chunk(std::size_t row_bytes) : stride(row_bytes), codes(aligned_codes(kChunkRows * row_bytes)) {}

  std::int8_t* row(std::size_t at) { return codes.get() + at * stride; }
  const std::int8_t* row(std::size_t at) const { return codes.get() + at * stride; }

  std::size_t stride;
  Codes codes;
  std::array<float, kChunkRows> scales;
  std::array<float, kChunkRows> norms;  ///< |x|²
  std::array<EpisodeId, kChunkRows> ids;
  std::array<std::int64_t, kChunkRows> times;
  std::array<std::atomic<std::uint64_t>, kChunkRows> classes;  ///< pack(), or kGone

  bool passes(std::size_t at, std::uint64_t packed, const Filter& filter) const {
    return packed != kGone && (!filter.label || label_of(packed) == *filter.label) &&
           (!filter.labelled_only || is_labelled(packed)) && times[at] > filter.after &&
           times[at] < filter.before && !(filter.without_held_out && is_held_out(ids[at]));
  }
};

ExactIndex::ExactIndex(std::size_t width, std::size_t max_rows)
    : width_(width),
      stride_((width + kStep - 1) / kStep * kStep),
      max_rows_(max_rows),
      chunks_((max_rows + kChunkRows - 1) / kChunkRows) {
  ensure(width > 0 && width <= 65'536, "int32 holds the dot product of such vectors");
}

ExactIndex::~ExactIndex() {
  for (auto& chunk : chunks_) delete chunk.load(std::memory_order_relaxed);
}

std::size_t ExactIndex::size() const {
  const std::size_t gone = gone_.load(std::memory_order_relaxed);
  const std::size_t rows = rows_.load(std::memory_order_acquire);
  return rows - std::min(rows, gone);
}

std::size_t ExactIndex::bytes() const {
  const std::size_t chunks = (rows_.load(std::memory_order_acquire) + kChunkRows - 1) / kChunkRows;
  return chunks * (sizeof(Chunk) + kChunkRows * stride_) + chunks_.size() * sizeof(Chunk*);
}

const ExactIndex::Chunk* ExactIndex::chunk_of(std::size_t row) const {
  // The acquire of rows_ that showed this row showed its chunk too.
  return chunks_[row / kChunkRows].load(std::memory_order_relaxed);
}

bool ExactIndex::add(const IndexRow& row, const CodedLatent& latent) {
  ensure(latent.codes.size() == width_, "a row is as wide as its index");
  const std::size_t next = rows_.load(std::memory_order_relaxed);
  if (next == max_rows_) return false;
  auto& slot = chunks_[next / kChunkRows];
  if (next % kChunkRows == 0) slot.store(new Chunk(stride_), std::memory_order_relaxed);
  Chunk& chunk = *slot.load(std::memory_order_relaxed);
  const std::size_t at = next % kChunkRows;
  std::int8_t* codes = chunk.row(at);
  std::ranges::copy(latent.codes, codes);
  const auto squares = static_cast<float>(best_dot()(codes, codes, stride_));
  chunk.scales[at] = latent.scale;
  chunk.norms[at] = squares * latent.scale * latent.scale;
  chunk.ids[at] = row.id;
  chunk.times[at] = row.time;
  chunk.classes[at].store(pack(row.label, row.labelled), std::memory_order_relaxed);
  rows_.store(next + 1, std::memory_order_release);
  return true;
}

ExactIndex::Chunk* ExactIndex::find_row(EpisodeId id, std::size_t& row) const {
  for (std::size_t left = rows_.load(std::memory_order_relaxed); left-- > 0;) {  // the newest change most
    Chunk* chunk = chunks_[left / kChunkRows].load(std::memory_order_relaxed);
    row = left % kChunkRows;
    if (chunk->ids[row] == id && chunk->classes[row].load(std::memory_order_relaxed) != kGone) return chunk;
  }
  return nullptr;
}

bool ExactIndex::remove(EpisodeId id) {
  std::size_t row = 0;
  Chunk* chunk = find_row(id, row);
  if (chunk == nullptr) return false;
  chunk->classes[row].store(kGone, std::memory_order_relaxed);
  gone_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool ExactIndex::relabel(EpisodeId id, std::uint32_t label, bool labelled) {
  std::size_t row = 0;
  Chunk* chunk = find_row(id, row);
  if (chunk == nullptr) return false;
  chunk->classes[row].store(pack(label, labelled), std::memory_order_relaxed);
  return true;
}

bool ExactIndex::wants_compaction() const {
  const std::size_t rows = rows_.load(std::memory_order_relaxed);
  return rows == max_rows_ || gone_.load(std::memory_order_relaxed) * 100 > rows * 15;
}

std::unique_ptr<ExactIndex> ExactIndex::compacted(std::size_t max_rows) const {
  auto fresh = std::make_unique<ExactIndex>(width_, std::max(max_rows, size()));
  const std::size_t rows = rows_.load(std::memory_order_relaxed);
  for (std::size_t row = 0; row < rows; ++row) {
    const Chunk& chunk = *chunk_of(row);
    const std::size_t at = row % kChunkRows;
    const std::uint64_t packed = chunk.classes[at].load(std::memory_order_relaxed);
    if (packed == kGone) continue;
    const std::int8_t* codes = chunk.row(at);
    const bool added = fresh->add({chunk.ids[at], label_of(packed), is_labelled(packed), chunk.times[at]},
                                  {{codes, codes + width_}, chunk.scales[at]});
    ensure(added, "a compacted index has room");
  }
  return fresh;
}

void ExactIndex::scan(const Chunk& chunk, std::size_t rows, const CodedLatent& query, const Filter& filter,
                      Best& best) const {
  const DotKernel dot = best_dot();
  for (std::size_t at = 0; at < rows; ++at) {
    const auto product = static_cast<float>(dot(query.codes.data(), chunk.row(at), stride_));
    const float score = chunk.norms[at] - 2 * query.scale * chunk.scales[at] * product;
    if (score > best.worst()) continue;
    const std::uint64_t packed = chunk.classes[at].load(std::memory_order_relaxed);
    if (!chunk.passes(at, packed, filter)) continue;
    best.offer({score, chunk.ids[at], packed, chunk.row(at), chunk.scales[at]});
  }
}

std::vector<Match> ExactIndex::search(std::span<const float> query, std::size_t k,
                                      const Filter& filter) const {
  if (query.size() != width_) {
    throw Failure(Errc::invalid, "the query has " + std::to_string(query.size()) +
                                     " elements, memory's latents " + std::to_string(width_));
  }
  k = std::min(k, kMaxNeighbours);
  CodedLatent coded = quantise(query);
  coded.codes.resize(stride_);  // padded with zeros, as the rows are
  Best best(std::max<std::size_t>(4 * k, 32));
  const std::size_t rows = rows_.load(std::memory_order_acquire);
  for (std::size_t first = 0; first < rows; first += kChunkRows) {
    scan(*chunk_of(first), std::min(rows - first, kChunkRows), coded, filter, best);
  }

  std::vector<Candidate> candidates = best.take();
  for (Candidate& candidate : candidates)
    candidate.score = squared_distance(query, candidate.codes, candidate.scale);
  std::sort(candidates.begin(), candidates.end());
  candidates.resize(std::min(k, candidates.size()));

  std::vector<Match> matches;
  for (const Candidate& found : candidates) {
    matches.push_back({found.id, label_of(found.packed), is_labelled(found.packed), std::sqrt(found.score)});
  }
  return matches;
}

}  // namespace dormouse::memory
