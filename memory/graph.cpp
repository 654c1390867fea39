#include "memory/graph.h"

#include <array>

namespace dormouse::memory {
namespace {

constexpr std::size_t kMostLinks = 2 * GraphLinks::kDegree;

/// Scores of a handful of nodes.
class Scorer {
 public:
  Scorer(const GraphRows& graph, const Query& query)
      : graph_(graph), rows_(graph.rows), query_(query), dot_(best_dot()) {}

  /// Of at most kMostLinks nodes. Their rows lie anywhere in memory: all are fetched before the first is
  /// read.
  std::span<const float> operator()(std::span<const std::uint32_t> nodes) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const std::uint32_t row = graph_.of(nodes[i]);
      codes_[i] = rows_.codes(row);
      for (std::size_t line = 0; line < rows_.stride(); line += 64) __builtin_prefetch(codes_[i] + line);
      measures_[i] = &rows_.measure(row);
      __builtin_prefetch(measures_[i]);
    }
    dot_(query_.codes.data(), codes_.data(), rows_.stride(), nodes.size(), products_.data());
    for (std::size_t i = 0; i < nodes.size(); ++i)
      scores_[i] = score(query_.factor, products_[i], *measures_[i]);
    return std::span(scores_).first(nodes.size());
  }
  float operator()(std::uint32_t node) { return (*this)(std::span(&node, 1))[0]; }

 private:
  const GraphRows& graph_;
  const VectorRows& rows_;
  const Query& query_;
  DotKernel dot_;
  std::array<const std::int8_t*, kMostLinks> codes_;
  std::array<const VectorRows::Measure*, kMostLinks> measures_;
  std::array<std::int32_t, kMostLinks> products_;
  std::array<float, kMostLinks> scores_;
};

struct Reached {
  float score;
  std::uint32_t node;

  bool operator<(const Reached& other) const {
    return score > other.score;
  }  // heaps have their nearest on top
};

/// What one search notes; a thread keeps it for its next one.
class Notes {
 public:
  explicit Notes(std::size_t nodes) {
    seen_.assign((nodes + 63) / 64, 0);
    frontier_.clear();
  }
  /// True the first time.
  bool see(std::uint32_t node) {
    const std::uint64_t bit = std::uint64_t{1} << node % 64;
    const bool fresh = (seen_[node / 64] & bit) == 0;
    seen_[node / 64] |= bit;
    return fresh;
  }
  void reach(float score, std::uint32_t node) {
    frontier_.push_back({score, node});
    std::push_heap(frontier_.begin(), frontier_.end());
  }
  bool nowhere_to_go() const { return frontier_.empty(); }
  float nearest() const { return frontier_.front().score; }
  std::uint32_t take_nearest() {
    const std::uint32_t node = frontier_.front().node;
    std::pop_heap(frontier_.begin(), frontier_.end());
    frontier_.pop_back();
    return node;
  }

 private:
  static thread_local std::vector<std::uint64_t> seen_;  ///< a bit for each node
  static thread_local std::vector<Reached> frontier_;
};

thread_local std::vector<std::uint64_t> Notes::seen_;
thread_local std::vector<Reached> Notes::frontier_;

/// More nodes than this are dearer to visit in any order than all rows are to read in theirs.
std::size_t patience(std::size_t nodes) { return std::max<std::size_t>(256, nodes / 8); }

}  // namespace

Graph::Graph(const GraphLinks& links) {
  const std::uint32_t top = links.levels[links.entry];
  const std::vector<std::uint32_t> offsets = list_offsets(links);
  std::vector<std::uint32_t> member(links.size()), above(links.size());
  for (std::uint32_t level = 0; level <= top; ++level) {
    Layer layer;
    std::uint32_t members = 0;
    std::swap(member, above);  // `above` holds the numbers in the layer below
    for (std::size_t node = 0; node < links.size(); ++node)
      if (links.levels[node] >= level) member[node] = members++;
    for (std::uint32_t node = 0; node < links.size(); ++node) {
      if (links.levels[node] < level) continue;
      if (level > 0) {
        layer.node.push_back(node);
        layer.below.push_back(above[node]);
      }
      layer.first.push_back(static_cast<std::uint32_t>(layer.links.size()));
      const std::uint32_t number = offsets[node] + level;
      for (std::uint32_t i = links.first[number]; i < links.first[number + 1]; ++i)
        layer.links.push_back(member[links.links[i]]);
    }
    layer.first.push_back(static_cast<std::uint32_t>(layer.links.size()));
    layer.links.shrink_to_fit();
    layers_.push_back(std::move(layer));
  }
  entry_ = member[links.entry];
}

std::size_t Graph::bytes() const {
  std::size_t elements = 0;
  for (const Layer& layer : layers_)
    elements += layer.node.size() + layer.below.size() + layer.first.size() + layer.links.size();
  return elements * sizeof(std::uint32_t);
}

std::uint32_t Graph::descend(const GraphRows& rows, const Query& query) const {
  Scorer scorer(rows, query);
  std::uint32_t member = entry_;
  for (std::size_t level = layers_.size() - 1; level > 0; --level) {
    const Layer& layer = layers_[level];
    float nearest = scorer(layer.node[member]);
    for (bool nearer = true; nearer;) {
      nearer = false;
      const auto links = layer.of(member);
      std::array<std::uint32_t, kMostLinks> nodes;
      std::ranges::transform(links, nodes.begin(), [&](std::uint32_t to) { return layer.node[to]; });
      const auto scores = scorer(std::span(nodes).first(links.size()));
      for (std::size_t i = 0; i < links.size(); ++i) {
        if (scores[i] >= nearest) continue;
        nearest = scores[i];
        member = links[i];
        nearer = true;
      }
    }
    member = layer.below[member];
  }
  return member;
}

bool Graph::search(const GraphRows& graph_rows, const Query& query, const Filter& filter, Best& best) const {
  const Layer& ground = layers_.front();
  const VectorRows& rows = graph_rows.rows;
  Scorer scorer(graph_rows, query);
  Notes notes(size());
  std::size_t visited = 0;
  std::array<std::uint32_t, kMostLinks> fresh;
  const auto visit = [&](std::span<const std::uint32_t> nodes) {
    visited += nodes.size();
    const auto scores = scorer(nodes);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (scores[i] > best.worst()) continue;
      notes.reach(scores[i], nodes[i]);  // whether it passes or not: it may lead to one that does
      const std::uint32_t row = graph_rows.of(nodes[i]);
      if (rows.passes(row, filter)) best.offer({scores[i], row, rows.id(row)});
    }
  };
  fresh[0] = descend(graph_rows, query);
  notes.see(fresh[0]);
  visit(std::span(fresh).first(1));
  while (!notes.nowhere_to_go() && notes.nearest() <= best.worst()) {
    if (visited > patience(size())) return false;
    std::size_t count = 0;
    for (const std::uint32_t to : ground.of(notes.take_nearest()))
      if (notes.see(to)) fresh[count++] = to;
    visit(std::span(fresh).first(count));
  }
  return best.full();
}

}  // namespace dormouse::memory
