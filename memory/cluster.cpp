#include "memory/cluster.h"

#include <algorithm>
#include <limits>
#include <random>

#include "config/error.h"
#include "memory/dot.h"

namespace dormouse::memory {
namespace {

constexpr int kIterations = 100;

/// One run of k-means: the state between its steps.
class KMeans {
 public:
  KMeans(std::span<const WeightedPoint> points, std::span<const std::vector<float>> start)
      : points_(points), nearest_(points.size()), squares_(points.size()) {
    for (std::size_t i = 0; i < start.size(); ++i) {
      centres_.push_back(start[i]);
      origins_.emplace_back(i);
    }
  }

  void grow_to(std::size_t k, std::uint64_t seed) {
    std::mt19937_64 random(seed);  // its numbers are the standard's; the distributions' are not
    while (centres_.size() < k) {
      assign();
      const auto chosen = draw(static_cast<double>(random() >> 11) * 0x1p-53);
      if (!chosen) return;
      begin_at(*chosen);
    }
  }

  void iterate() {
    for (int i = 0; i < kIterations; ++i) {
      const auto before = nearest_;
      assign();
      const bool refilled = refill();
      if (i > 0 && !refilled && nearest_ == before) return;
      move();
    }
    assign();
  }

  Clustering take() {
    std::vector<double> weights = weigh();
    std::vector<std::size_t> place(centres_.size());
    Clustering result;
    for (std::size_t c = 0; c < centres_.size(); ++c) {
      if (weights[c] == 0) continue;
      place[c] = result.centres.size();
      result.centres.push_back(std::move(centres_[c]));
      result.origins.push_back(origins_[c]);
    }
    for (const std::size_t c : nearest_) result.nearest.push_back(place[c]);
    return result;
  }

 private:
  void assign() {
    for (std::size_t p = 0; p < points_.size(); ++p) {
      squares_[p] = std::numeric_limits<double>::infinity();
      for (std::size_t c = 0; c < centres_.size(); ++c) {
        const double squares = squared_distance(points_[p].at, centres_[c]);
        if (squares < squares_[p]) squares_[p] = squares, nearest_[p] = c;
      }
    }
  }

  /// A point by the weight of its squared distance to its centre; nothing when every point is a centre.
  std::optional<std::size_t> draw(double uniform) const {
    if (centres_.empty()) {
      std::vector<double> even;
      for (const WeightedPoint& point : points_) even.push_back(point.weight);
      return draw(even, uniform);
    }
    std::vector<double> chances;
    for (std::size_t p = 0; p < points_.size(); ++p) chances.push_back(points_[p].weight * squares_[p]);
    return draw(chances, uniform);
  }

  static std::optional<std::size_t> draw(const std::vector<double>& chances, double uniform) {
    double total = 0;
    for (const double chance : chances) total += chance;
    std::optional<std::size_t> last;
    for (std::size_t p = 0; p < chances.size(); ++p) {
      if (chances[p] <= 0) continue;
      last = p;
      uniform -= chances[p] / total;
      if (uniform < 0) break;
    }
    return last;
  }

  void begin_at(std::size_t point) {
    centres_.emplace_back(points_[point].at.begin(), points_[point].at.end());
    origins_.emplace_back();
  }

  std::vector<double> weigh() const {
    std::vector<double> weights(centres_.size());
    for (std::size_t p = 0; p < points_.size(); ++p) weights[nearest_[p]] += points_[p].weight;
    return weights;
  }

  /// Empty clusters go to the points farthest from their centres. True when one did.
  bool refill() {
    std::vector<double> weights = weigh();
    bool refilled = false;
    for (std::size_t c = 0; c < centres_.size(); ++c) {
      if (weights[c] > 0) continue;
      std::size_t worst = 0;
      double most = 0;
      for (std::size_t p = 0; p < points_.size(); ++p)
        if (points_[p].weight * squares_[p] > most) most = points_[p].weight * squares_[p], worst = p;
      if (most == 0) return refilled;  // fewer different points than centres
      centres_[c].assign(points_[worst].at.begin(), points_[worst].at.end());
      origins_[c].reset();
      assign();
      weights = weigh();
      refilled = true;
    }
    return refilled;
  }

  void move() {
    const std::vector<double> weights = weigh();
    std::vector<std::vector<double>> sums(centres_.size());
    for (std::size_t p = 0; p < points_.size(); ++p) {
      auto& sum = sums[nearest_[p]];
      sum.resize(points_[p].at.size());
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += points_[p].weight * double{points_[p].at[i]};
    }
    for (std::size_t c = 0; c < centres_.size(); ++c)
      for (std::size_t i = 0; i < sums[c].size(); ++i)
        centres_[c][i] = static_cast<float>(sums[c][i] / weights[c]);
  }

  std::span<const WeightedPoint> points_;
  std::vector<std::vector<float>> centres_;
  std::vector<std::optional<std::size_t>> origins_;
  std::vector<std::size_t> nearest_;
  std::vector<double> squares_;  ///< to the nearest centre
};

}  // namespace

Clustering cluster(std::span<const WeightedPoint> points, std::size_t k,
                   std::span<const std::vector<float>> start, std::uint64_t seed) {
  ensure(start.size() <= k, "no more centres to start from than are wanted");
  if (points.empty() || k == 0) return {};
  KMeans run(points, start);
  run.grow_to(k, seed);
  run.iterate();
  return run.take();
}

double squared_distance(std::span<const float> a, std::span<const float> b) {
  ensure(a.size() == b.size(), "vectors of one width");
  return best_squares().of_floats(a.data(), b.data(), a.size());
}

}  // namespace dormouse::memory
