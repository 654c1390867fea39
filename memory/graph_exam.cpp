#include <algorithm>
#include <array>
#include <iterator>
#include <ranges>

#include "memory/graph.h"

namespace dormouse::memory {
namespace {

constexpr std::size_t kNeighbours = 10;
constexpr double kRecall = 0.992;  // of a sample of examiners, so that all queries come to 0.99
constexpr std::array<std::size_t, 14> kBeams = {64,  80,  96,  128, 160, 192, 224,
                                                256, 320, 384, 512, 640, 768, 1024};

using Rows = std::vector<std::uint32_t>;

/// The nearest few, in order of their numbers.
Rows nearest(std::vector<Candidate> candidates) {
  std::sort(candidates.begin(), candidates.end());
  Rows rows;
  for (const Candidate& candidate : candidates | std::views::take(kNeighbours)) rows.push_back(candidate.row);
  std::ranges::sort(rows);
  return rows;
}

/// A vector that the graph has never seen, and the nodes nearest to it by a scan.
class Question {
 public:
  Question(const GraphRows& graph, std::span<const std::uint32_t> examiners, std::uint32_t row)
      : values_(decoded(graph.rows, row)), query_(values_, graph.rows.stride()) {
    Best best(kNeighbours + examiners.size());
    scan(graph.rows, 0, graph.nodes.back() + std::size_t{1}, query_, {}, best.limit(), best);
    std::vector<Candidate> found = best.take();
    std::erase_if(found,
                  [&](const Candidate& one) { return std::ranges::binary_search(examiners, one.row); });
    answer_ = nearest(std::move(found));
  }

  /// How many of the answers a beam of this width finds; nothing when it costs more than a scan.
  std::optional<std::size_t> ask(const Graph& graph, const GraphRows& rows, std::size_t beam) const {
    Best best(beam);
    if (!graph.search(rows, query_, {}, best)) return std::nullopt;
    Rows both;
    std::ranges::set_intersection(nearest(best.take()), answer_, std::back_inserter(both));
    return both.size();
  }
  std::size_t answers() const { return answer_.size(); }

 private:
  static std::vector<float> decoded(const VectorRows& rows, std::uint32_t row) {
    const std::span codes(rows.codes(row), rows.width());
    return dequantise({{codes.begin(), codes.end()}, rows.measure(row).scale, {}});
  }

  std::vector<float> values_;
  Query query_;
  Rows answer_;
};

}  // namespace

std::optional<std::size_t> narrowest_beam(const Graph& graph, const GraphRows& rows,
                                          std::span<const std::uint32_t> examiners) {
  std::vector<Question> questions;
  std::size_t answers = 0;
  for (const std::uint32_t row : examiners) answers += questions.emplace_back(rows, examiners, row).answers();
  for (const std::size_t beam : kBeams) {
    std::size_t found = 0;
    for (const Question& question : questions) {
      const auto hits = question.ask(graph, rows, beam);
      if (!hits) return std::nullopt;
      found += *hits;
    }
    if (static_cast<double>(found) >= kRecall * static_cast<double>(answers)) return beam;
  }
  return std::nullopt;
}

}  // namespace dormouse::memory
