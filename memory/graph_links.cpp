#include "memory/graph_links.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace dormouse::memory {
namespace {

std::uint32_t most_links(std::size_t level) {
  return level == 0 ? 2 * GraphLinks::kDegree : GraphLinks::kDegree;
}

std::span<const std::uint32_t> list(const GraphLinks& graph, std::size_t number) {
  return std::span(graph.links).subspan(graph.first[number], graph.first[number + 1] - graph.first[number]);
}

std::string fault_of_shape(const GraphLinks& graph) {
  if (graph.levels.empty()) return "it has no nodes";
  if (graph.entry >= graph.size()) return "its entry point is not a node";
  const std::uint8_t top = *std::ranges::max_element(graph.levels);
  if (top > GraphLinks::kTopLevel) return "a level is too high";
  if (graph.levels[graph.entry] != top) return "its entry point is not on the highest level";
  const std::size_t lists = std::accumulate(graph.levels.begin(), graph.levels.end(), graph.size());
  if (graph.first.size() != lists + 1 || graph.first.front() != 0 ||
      graph.first.back() != graph.links.size() || !std::ranges::is_sorted(graph.first))
    return "its lists do not follow each other";
  return "";
}

}  // namespace

std::vector<std::uint32_t> list_offsets(const GraphLinks& graph) {
  std::vector<std::uint32_t> offsets;
  offsets.reserve(graph.size());
  std::uint32_t next = 0;
  for (const std::uint8_t level : graph.levels) {
    offsets.push_back(next);
    next += level + 1u;
  }
  return offsets;
}

std::string fault_of(const GraphLinks& graph) {
  if (auto fault = fault_of_shape(graph); !fault.empty()) return fault;
  // Whose list named a node last: finds what is named twice.
  std::vector<std::uint32_t> named(graph.size(), ~std::uint32_t{0});
  std::uint32_t number = 0;
  for (std::size_t node = 0; node < graph.size(); ++node) {
    for (std::size_t level = 0; level <= graph.levels[node]; ++level, ++number) {
      const auto links = list(graph, number);
      if (links.size() > most_links(level)) return "a node has too many links";
      for (const std::uint32_t to : links) {
        if (to >= graph.size() || to == node) return "a link leads nowhere";
        if (graph.levels[to] < level) return "a link leads to a node that is not on its level";
        if (std::exchange(named[to], number) == number) return "a link is there twice";
      }
    }
  }
  return "";
}

namespace {

/// One list of the graph without its lost nodes.
class Bridging {
 public:
  Bridging(const GraphLinks& graph, const std::vector<bool>& lost)
      : graph_(graph), lost_(lost), offsets_(list_offsets(graph)) {}

  std::vector<std::uint32_t> links(std::uint32_t node, std::uint32_t level) const {
    std::vector<std::uint32_t> kept;
    const auto keep = [&](std::uint32_t to) {
      const bool wanted = !lost_[to] && to != node && kept.size() < most_links(level);
      if (wanted && std::ranges::find(kept, to) == kept.end()) kept.push_back(to);
    };
    const auto own = list(graph_, offsets_[node] + level);
    std::ranges::for_each(own, keep);
    for (const std::uint32_t to : own)
      if (lost_[to]) std::ranges::for_each(list(graph_, offsets_[to] + level), keep);
    return kept;
  }

 private:
  const GraphLinks& graph_;
  const std::vector<bool>& lost_;
  std::vector<std::uint32_t> offsets_;
};

}  // namespace

GraphLinks without(const GraphLinks& graph, const std::vector<bool>& lost) {
  std::vector<std::uint32_t> renumbered(graph.size());
  std::uint32_t left = 0;
  for (std::size_t node = 0; node < graph.size(); ++node) {
    renumbered[node] = left;
    if (!lost[node]) ++left;
  }
  const Bridging bridging(graph, lost);
  GraphLinks result;
  for (std::uint32_t node = 0; node < graph.size(); ++node) {
    if (lost[node]) continue;
    result.levels.push_back(graph.levels[node]);
    for (std::uint32_t level = 0; level <= graph.levels[node]; ++level) {
      result.first.push_back(static_cast<std::uint32_t>(result.links.size()));
      for (const std::uint32_t to : bridging.links(node, level)) result.links.push_back(renumbered[to]);
    }
  }
  result.first.push_back(static_cast<std::uint32_t>(result.links.size()));
  result.entry =
      lost[graph.entry]
          ? static_cast<std::uint32_t>(std::ranges::max_element(result.levels) - result.levels.begin())
          : renumbered[graph.entry];
  return result;
}

}  // namespace dormouse::memory
