#include "memory/index.h"

#include <cmath>
#include <string>

#include "config/error.h"
#include "memory/candidates.h"

namespace dormouse::memory {
namespace {

float squared_distance(std::span<const float> query, const std::int8_t* codes, float scale) {
  double squares = 0;
  for (std::size_t i = 0; i < query.size(); ++i) {
    const double gap = double{query[i]} - double{static_cast<float>(codes[i]) * scale};
    squares += gap * gap;
  }
  return static_cast<float>(squares);
}

}  // namespace

VectorIndex::VectorIndex(std::size_t width, std::size_t max_rows)
    : rows_(std::make_shared<VectorRows>(width, max_rows)) {}

std::size_t VectorIndex::size() const {
  const std::size_t gone = rows_->gone();
  const std::size_t rows = rows_->rows();
  return rows - std::min(rows, gone);
}

std::size_t VectorIndex::bytes() const { return rows_->bytes(); }

bool VectorIndex::add(const IndexRow& row, const CodedLatent& latent) {
  return rows_->add(row, latent.codes, latent.scale);
}

bool VectorIndex::wants_compaction() const {
  return rows_->rows() == rows_->max_rows() || rows_->gone() * 100 > rows_->rows() * 15;
}

std::unique_ptr<VectorIndex> VectorIndex::compacted(std::size_t max_rows) const {
  return std::unique_ptr<VectorIndex>(new VectorIndex(rows_->rearranged({}, max_rows)));
}

std::vector<Match> VectorIndex::search(std::span<const float> query, std::size_t k,
                                       const Filter& filter) const {
  if (query.size() != width()) {
    throw Failure(Errc::invalid, "the query has " + std::to_string(query.size()) +
                                     " elements, memory's latents " + std::to_string(width()));
  }
  k = std::min(k, kMaxNeighbours);
  const Query coded(query, rows_->stride());
  Best best(std::max<std::size_t>(4 * k, 32));
  scan(*rows_, 0, rows_->rows(), coded, filter, best);

  std::vector<Candidate> candidates = best.take();
  for (Candidate& candidate : candidates)
    candidate.score =
        squared_distance(query, rows_->codes(candidate.row), rows_->measure(candidate.row).scale);
  std::sort(candidates.begin(), candidates.end());

  std::vector<Match> matches;
  for (const Candidate& found : candidates) {
    if (matches.size() == k) break;
    const auto row = rows_->columns(found.row);  // once more: the writer may have changed it meanwhile
    if (row && filter.passes(*row))
      matches.push_back({row->id, row->label, row->labelled, std::sqrt(found.score)});
  }
  return matches;
}

}  // namespace dormouse::memory
