#include "memory/index.h"

#include <cmath>
#include <string>

#include "config/error.h"
#include "engine/dtype.h"
#include "memory/candidates.h"
#include "memory/graph.h"

namespace dormouse::memory {
namespace {

// When a graph pays: see IndexKind. Below kFewest rows it never does, whatever is configured.
constexpr std::size_t kFewest = 1'000;
constexpr std::size_t kNever = 50'000;
constexpr std::size_t kAlways = 100'000;
constexpr std::uint64_t kSearchesPerInsert = 5;
constexpr std::uint64_t kTelling = 1'000;  // searches, before their number says anything
constexpr std::size_t kStalePercent = 15;

// The gap of two floats rounds to float by a part in 2²⁴ at most.
float squared_distance(std::span<const float> query, const LatentView& row) {
  if (row.halves.empty())
    return static_cast<float>(
        best_squares().of_codes(query.data(), row.codes.data(), row.scale, query.size()));
  double squares = 0;
  for (std::size_t i = 0; i < query.size(); ++i) {
    const double gap = double{query[i]} - double{engine::to_float(engine::Half{row.halves[i]})};
    squares += gap * gap;
  }
  return static_cast<float>(squares);
}

constexpr std::size_t kSpare = 4;  // beyond the nearest that are wanted, for those that go meanwhile

}  // namespace

VectorIndex::VectorIndex(std::size_t width, std::size_t max_rows, LatentFormat format)
    : rows_(std::make_shared<VectorRows>(width, max_rows, format)), traffic_(std::make_shared<Traffic>()) {}

VectorIndex::VectorIndex(const VectorIndex& before, std::shared_ptr<VectorRows> rows)
    : rows_(std::move(rows)), traffic_(before.traffic_) {}

std::size_t VectorIndex::size() const {
  const std::size_t gone = rows_->gone();
  const std::size_t rows = rows_->rows();
  return rows - std::min(rows, gone);
}

std::size_t VectorIndex::bytes() const { return rows_->bytes() + (graph_ ? graph_->bytes() : 0); }

bool VectorIndex::add(const IndexRow& row, const CodedLatent& latent) {
  traffic_->inserts.fetch_add(1, std::memory_order_relaxed);
  return rows_->add(row, latent);
}

bool VectorIndex::graph_pays(IndexKind kind) const {
  switch (kind) {
    case IndexKind::exact:
      return false;
    case IndexKind::hnsw:
      return size() >= kFewest;
    case IndexKind::automatic:
      break;
  }
  const std::uint64_t searches = traffic_->searches.load(std::memory_order_relaxed);
  const std::uint64_t inserts = traffic_->inserts.load(std::memory_order_relaxed);
  const bool asked_often = searches >= kTelling && searches > kSearchesPerInsert * inserts;
  return size() > kAlways || (size() > kNever && asked_often);
}

bool VectorIndex::wants_compaction(IndexKind kind) const {
  if (rows_->rows() == rows_->max_rows()) return true;
  return rows_->gone() * 100 > rows_->rows() * kStalePercent && !graph_pays(kind);
}

std::unique_ptr<VectorIndex> VectorIndex::compacted() const {
  const std::size_t room = std::max(rows_->max_rows(), 2 * size());
  return std::unique_ptr<VectorIndex>(new VectorIndex(*this, rows_->rearranged({}, room)));
}

bool VectorIndex::wants_graph(IndexKind kind) const {
  if (!graph_pays(kind)) return false;
  const std::size_t changed = rows_->rows() - considered_ + rows_->gone() - gone_then_;
  return changed * 100 > considered_ * kStalePercent;
}

std::unique_ptr<VectorIndex> VectorIndex::with(const IndexGraph& made) const {
  if (made.rows != rows_) return nullptr;
  std::unique_ptr<VectorIndex> next(new VectorIndex(*this, rows_->rearranged(made.nodes, rows_->max_rows())));
  next->graph_ = made.graph;
  next->beam_ = made.beam;
  next->considered_ = made.graph ? made.graph->size() : next->rows_->rows();
  next->gone_then_ = next->rows_->gone();
  return next;
}

IndexGraph examined(const GraphBuilder& builder) {
  IndexGraph made{builder.rows(), builder.nodes(), std::make_shared<const Graph>(builder.links()), 0};
  if (const auto beam = narrowest_beam(*made.graph, {*made.rows, made.nodes}, builder.examiners())) {
    made.beam = *beam;
  } else {
    made.graph = nullptr;
  }
  return made;
}

std::vector<Match> VectorIndex::search(std::span<const float> query, std::size_t k,
                                       const Filter& filter) const {
  if (query.size() != width()) {
    throw Failure(Errc::invalid, "the query has " + std::to_string(query.size()) +
                                     " elements, memory's latents " + std::to_string(width()));
  }
  traffic_->searches.fetch_add(1, std::memory_order_relaxed);
  k = std::min(k, kMaxNeighbours);
  const Query coded(query, rows_->stride());
  const std::size_t rows = rows_->rows();
  Best best(std::max<std::size_t>(4 * k, graph_ ? beam_ : 32));
  if (graph_ && graph_->search({*rows_}, coded, filter, best)) {
    scan(*rows_, graph_->size(), rows, coded, filter, k + kSpare, best);
  } else {
    best.clear();
    scan(*rows_, 0, rows, coded, filter, k + kSpare, best);
  }

  std::vector<Candidate> candidates = best.take();
  const float limit = limit_of(candidates, k + kSpare, coded, *rows_);
  std::erase_if(candidates, [limit](const Candidate& candidate) { return candidate.score > limit; });
  for (Candidate& candidate : candidates)
    candidate.score = squared_distance(query, rows_->latent(candidate.row));
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
