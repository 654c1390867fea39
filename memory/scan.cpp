#include <array>

#include "memory/candidates.h"

namespace dormouse::memory {
namespace {

constexpr std::size_t kBlocks = VectorRows::kChunkRows / kScoreBlock;
constexpr float kNone = std::numeric_limits<float>::infinity();

/// The scores of rows of one chunk, and the least of each block of them.
///
/// Looked through twice, so that few rows are offered that do not stay: as many blocks as rows are wanted
/// have a least score up to some bound, so what is nearest lies below it, in few blocks.
class Scores {
 public:
  Scores(const VectorRows& rows, std::size_t from, std::size_t count, const Query& query)
      : rows_(rows), from_(from), blocks_((count + kScoreBlock - 1) / kScoreBlock) {
    // A chunk's columns are contiguous.
    best_score()(query.codes.data(), query.factor, rows.codes(from), rows.stride(), count,
                 &rows.measure(from), scores_.data(), least_.data());
    std::fill(scores_.data() + count, scores_.data() + blocks_ * kScoreBlock, kNone);
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

  /// Offers every row whose score lies in `between`, as far as it is good enough.
  void offer(Between between, const Filter& filter, Best& best) {
    between.upto = std::min(between.upto, std::numeric_limits<float>::max());
    const std::span found(found_.data(),
                          best_select()(scores_.data(), least_.data(), blocks_, between, found_.data()));
    // Their columns are asked for well before they are needed.
    constexpr std::size_t kAhead = 64;
    for (std::size_t i = 0; i < std::min(kAhead, found.size()); ++i) rows_.prefetch_columns(from_ + found[i]);
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (i + kAhead < found.size()) rows_.prefetch_columns(from_ + found[i + kAhead]);
      const std::size_t row = from_ + found[i];
      const float score = scores_[found[i]];
      if (score <= best.worst() && rows_.passes(row, filter))
        best.offer({score, static_cast<std::uint32_t>(row), rows_.id(row)});
    }
  }

 private:
  const VectorRows& rows_;
  std::size_t from_, blocks_;
  std::array<float, VectorRows::kChunkRows> scores_;
  std::array<float, kBlocks> least_;
  std::array<std::uint32_t, VectorRows::kChunkRows> found_;
};

}  // namespace

float limit_of(std::span<const Candidate> candidates, std::size_t nearest, const Query& query,
               const VectorRows& rows) {
  if (candidates.size() <= nearest) return kNone;
  std::vector<float> scores;
  scores.reserve(candidates.size());
  float largest = 0;
  for (const Candidate& candidate : candidates) {
    scores.push_back(candidate.score);
    largest = std::max(largest, rows.measure(candidate.row).norm);
  }
  std::nth_element(scores.begin(), scores.begin() + std::ptrdiff_t(nearest), scores.end());
  const auto slack = [&](float norm) { return 2 * query.off * norm + 1e-4f * norm * norm; };
  const float farthest = scores[nearest] + slack(std::sqrt(largest));  // of the nearest, less |q|²
  const float reach = query.norm + std::sqrt(std::max(farthest + query.norm * query.norm, 0.0f));
  return farthest + slack(reach);
}

void scan(const VectorRows& rows, std::size_t from, std::size_t to, const Query& query, const Filter& filter,
          std::size_t nearest, Best& best) {
  float limit = best.worst();
  while (from < to) {
    const std::size_t count = std::min(to - from, VectorRows::kChunkRows - from % VectorRows::kChunkRows);
    Scores scores(rows, from, count, query);
    const float bound = scores.bound(nearest + nearest / 2);  // some will not pass the filter
    scores.offer({-kNone, std::min(bound, limit)}, filter, best);
    limit = std::min(best.worst(), limit_of(best.candidates(), nearest, query, rows));
    if (limit > bound) scores.offer({bound, limit}, filter, best);
    from += count;
  }
}

}  // namespace dormouse::memory
