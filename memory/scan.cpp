#include <array>
#include <cstring>

#include "memory/candidates.h"

namespace dormouse::memory {
namespace {

constexpr std::size_t kBlock = 32;
constexpr std::size_t kBlocks = VectorRows::kChunkRows / kBlock;
constexpr float kNone = std::numeric_limits<float>::infinity();

using Four = float __attribute__((vector_size(16)));

Four four(const float* at) {
  Four values;
  std::memcpy(&values, at, sizeof values);
  return values;
}

float least_of(const float* block) {
  Four least = four(block);
  for (std::size_t i = 4; i < kBlock; i += 4) {
    const Four next = four(block + i);
    least = next < least ? next : least;
  }
  return std::min(std::min(least[0], least[1]), std::min(least[2], least[3]));
}

/// The scores of rows of one chunk, and the least of each block of them.
///
/// Looked through twice, so that few rows are offered that do not stay: as many blocks as rows are wanted
/// have a least score up to some bound, so what is nearest lies below it, in few blocks.
class Scores {
 public:
  Scores(const VectorRows& rows, std::size_t from, std::size_t count, const Query& query)
      : rows_(rows), from_(from), blocks_((count + kBlock - 1) / kBlock) {
    // A chunk's columns are contiguous.
    best_score()(query.codes.data(), query.factor, rows.codes(from), rows.stride(), count,
                 &rows.measure(from), scores_.data());
    std::fill(scores_.data() + count, scores_.data() + blocks_ * kBlock, kNone);
    for (std::size_t block = 0; block < blocks_; ++block)
      least_[block] = least_of(scores_.data() + block * kBlock);
  }

  /// A score that more than `wanted` rows do not exceed, and few do if it can be helped; infinite where these
  /// would be most.
  float bound(std::size_t wanted) const {
    if (2 * wanted > blocks_) return kNone;
    const std::span least(least_.data(), blocks_);
    auto [low, high] = std::ranges::minmax(least);
    for (int step = 0; step < 16; ++step) {
      const float middle = low + (high - low) / 2;
      std::int32_t below = 0;
      for (const float score : least) below += score <= middle;
      const auto count = static_cast<std::size_t>(below);
      (count > wanted ? high : low) = middle;
      if (count > wanted && count < wanted + wanted / 8) break;
    }
    return high;
  }

  /// Offers every row whose score lies in (above, upto], as far as it is good enough.
  void offer(float above, float upto, const Filter& filter, Best& best) const {
    std::array<std::uint32_t, 4 * kBlock>
        found;  // their columns are asked for all at once, and then waited for
    std::size_t count = 0;
    const auto offer_found = [&] {
      for (std::size_t i = 0; i < count; ++i) {
        const float score = scores_[found[i]];
        const std::size_t row = from_ + found[i];
        if (score <= best.worst() && rows_.passes(row, filter))
          best.offer({score, static_cast<std::uint32_t>(row), rows_.id(row)});
      }
      count = 0;
    };
    for (std::size_t block = 0; block < blocks_; ++block) {
      const float limit = std::min(upto, best.worst());
      if (least_[block] > limit) continue;
      for (std::size_t i = block * kBlock; i < (block + 1) * kBlock; i += 4) {
        const float* const scores = scores_.data() + i;
        if (std::min(std::min(scores[0], scores[1]), std::min(scores[2], scores[3])) > limit) continue;
        for (std::size_t row = i; row < i + 4; ++row) {
          if (scores_[row] > limit || scores_[row] <= above || scores_[row] == kNone) continue;
          rows_.prefetch_columns(from_ + row);
          found[count++] = static_cast<std::uint32_t>(row);
        }
      }
      if (count + kBlock > found.size()) offer_found();
    }
    offer_found();
  }

 private:
  const VectorRows& rows_;
  std::size_t from_, blocks_;
  std::array<float, VectorRows::kChunkRows> scores_;
  std::array<float, kBlocks> least_;
};

}  // namespace

void scan(const VectorRows& rows, std::size_t from, std::size_t to, const Query& query, const Filter& filter,
          Best& best) {
  while (from < to) {
    const std::size_t count = std::min(to - from, VectorRows::kChunkRows - from % VectorRows::kChunkRows);
    const Scores scores(rows, from, count, query);
    const float bound = scores.bound(best.limit() + best.limit() / 2);  // some will not pass the filter
    scores.offer(-kNone, bound, filter, best);
    if (best.worst() > bound) scores.offer(bound, kNone, filter, best);
    from += count;
  }
}

}  // namespace dormouse::memory
