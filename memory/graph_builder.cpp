#include "memory/graph_builder.h"

#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "config/error.h"

namespace dormouse::memory {
namespace {

constexpr std::size_t kBeam = 200;  // hnswlib's ef_construction
constexpr std::size_t kExaminers = 256;
constexpr std::size_t kSeed = 100;  // of the levels: the same rows give the same graph

std::uint32_t row_number(const void* data) {
  std::uint32_t row = 0;
  std::memcpy(&row, data, sizeof(row));
  return row;
}

float squared_distance(const void* a, const void* b, const void* context) {
  const auto& rows = *static_cast<const VectorRows*>(context);
  const std::uint32_t i = row_number(a), j = row_number(b);
  const VectorRows::Measure &x = rows.measure(i), &y = rows.measure(j);
  const std::int8_t* const codes = rows.codes(j);
  std::int32_t product = 0;
  best_dot()(rows.codes(i), &codes, rows.stride(), 1, &product);
  return std::max(0.0f, x.norm + y.norm - 2 * x.scale * y.scale * static_cast<float>(product));
}

/// A vector is the number of its row.
class RowSpace : public hnswlib::SpaceInterface<float> {
 public:
  explicit RowSpace(const VectorRows& rows) : rows_(rows) {}
  std::size_t get_data_size() override { return sizeof(std::uint32_t); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return squared_distance; }
  void* get_dist_func_param() override { return const_cast<VectorRows*>(&rows_); }

 private:
  const VectorRows& rows_;
};

/// hnswlib throws runtime_error when malloc returns nothing; we bad_alloc.
template <class Work>
auto translated(Work work) {
  try {
    return work();
  } catch (const std::runtime_error& error) {
    throw Failure(Errc::unavailable, std::string("the graph of memory's neighbours: ") + error.what());
  }
}

}  // namespace

struct GraphBuilder::Hnsw {
  Hnsw(const VectorRows& rows, std::size_t nodes)
      : space(rows), graph(&space, nodes, GraphLinks::kDegree, kBeam, kSeed) {}

  RowSpace space;
  hnswlib::HierarchicalNSW<float> graph;
};

GraphBuilder::GraphBuilder(std::shared_ptr<const VectorRows> rows) : rows_(std::move(rows)) {
  const std::size_t count = rows_->rows();
  const std::size_t step = std::max<std::size_t>(count / kExaminers, 8);
  for (std::size_t row = 0; row < count; ++row)
    if (!rows_->is_gone(row))
      (row % step == step / 2 ? examiners_ : nodes_).push_back(static_cast<std::uint32_t>(row));
  hnsw_ = translated([&] { return std::make_unique<Hnsw>(*rows_, nodes_.size()); });
}

GraphBuilder::GraphBuilder(GraphBuilder&&) noexcept = default;
GraphBuilder::~GraphBuilder() = default;

std::size_t GraphBuilder::inserted() const { return hnsw_->graph.cur_element_count; }

bool GraphBuilder::advance(std::size_t count) {
  const std::size_t begin = inserted(), end = std::min(begin + count, nodes_.size());
  translated([&] {
    for (std::size_t node = begin; node < end; ++node) hnsw_->graph.addPoint(&nodes_[node], node);
  });
  return end == nodes_.size();
}

GraphLinks GraphBuilder::links() const {
  auto& graph = hnsw_->graph;
  ensure(inserted() == nodes_.size() && !nodes_.empty(), "the graph is complete");
  GraphLinks result;
  result.entry = graph.enterpoint_node_;
  for (std::uint32_t node = 0; node < nodes_.size(); ++node) {
    const int level = graph.element_levels_[node];
    result.levels.push_back(static_cast<std::uint8_t>(level));
    for (int l = 0; l <= level; ++l) {
      auto* const list = graph.get_linklist_at_level(node, l);
      const hnswlib::tableint* const links = list + 1;
      result.first.push_back(static_cast<std::uint32_t>(result.links.size()));
      result.links.insert(result.links.end(), links, links + graph.getListCount(list));
    }
  }
  result.first.push_back(static_cast<std::uint32_t>(result.links.size()));
  return result;
}

}  // namespace dormouse::memory
