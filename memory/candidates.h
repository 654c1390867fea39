#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "memory/squares.h"
#include "memory/vector_rows.h"

/// What the two searches share: the query and the best rows so far. For index.cpp, scan.cpp and graph.cpp.
namespace dormouse::memory {

/// A query in f32 and, padded as the rows are, in codes.
struct Query {
  /// Throws Failure(invalid) when an element is not finite.
  Query(std::span<const float> given, std::size_t stride) : values(given) {
    CodedLatent coded = quantise(given);
    codes = std::move(coded.codes);
    const auto gap = [&](std::size_t i) { return given[i] - coded.scale * static_cast<float>(codes[i]); };
    off = std::sqrt(static_cast<float>(sum_of_squares(given.size(), gap)));
    norm =
        std::sqrt(static_cast<float>(sum_of_squares(given.size(), [&](std::size_t i) { return given[i]; })));
    codes.resize(stride);
    factor = -2 * coded.scale;
  }

  std::span<const float> values;
  std::vector<std::int8_t> codes;
  float off = 0;     ///< how far what the codes say lies from the query
  float norm = 0;    ///< |q|
  float factor = 0;  ///< of the product of codes and the row's scale, in a score
};

struct Candidate {
  float score;
  std::uint32_t row;
  EpisodeId id;

  bool operator<(const Candidate& other) const {
    return score != other.score ? score < other.score : id < other.id;
  }
};

/// The best `limit` candidates seen, as a heap with the worst on top.
class Best {
 public:
  explicit Best(std::size_t limit) : limit_(limit) { heap_.reserve(limit); }

  std::size_t limit() const { return limit_; }
  bool full() const { return heap_.size() == limit_; }
  float worst() const { return full() ? heap_.front().score : std::numeric_limits<float>::infinity(); }
  void offer(const Candidate& candidate) {
    if (full()) {
      if (!(candidate < heap_.front())) return;
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.pop_back();
    }
    heap_.push_back(candidate);
    std::push_heap(heap_.begin(), heap_.end());
  }
  void clear() { heap_.clear(); }
  std::span<const Candidate> candidates() const { return heap_; }
  std::vector<Candidate> take() { return std::move(heap_); }

 private:
  std::size_t limit_;
  std::vector<Candidate> heap_;
};

/// A score beyond which no row can be among the `nearest` where these are candidates; infinite where they are
/// no more. A score is off by no more than 2·|q − codes|·|x|, and rounding, and what is as near as d has
/// |x| ≤ |q| + d.
float limit_of(std::span<const Candidate> candidates, std::size_t nearest, const Query& query,
               const VectorRows& rows);

/// Offers `best` the rows in [from, to) that pass `filter` and, however the scores deceive, may be among the
/// `nearest` of them; more where that is simpler.
void scan(const VectorRows& rows, std::size_t from, std::size_t to, const Query& query, const Filter& filter,
          std::size_t nearest, Best& best);

}  // namespace dormouse::memory
