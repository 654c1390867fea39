#include "learning/committee.h"

#include <algorithm>
#include <cmath>

#include "learning/calibration.h"
#include "learning/cholesky.h"

namespace dormouse::learning {
namespace {

constexpr int kIterations = 40;
constexpr double kConverged = 1e-6;

/// The loss at some weights with its first two derivatives.
struct Expansion {
  double loss = 0;
  std::vector<double> gradient;
  std::vector<double> hessian;  ///< lower triangle, row by row
};

/// Summing to one.
std::vector<double> shares_of(const Seating& seating, std::size_t heads) {
  std::vector<double> shares = seating.shares;
  if (shares.empty()) shares.assign(heads, 1);
  ensure(shares.size() == heads, "a share for every head");
  double sum = 0;
  for (const double share : shares) sum += share;
  for (double& share : shares) share /= sum;
  return shares;
}

/// Cross-entropy of the pool, in units of each head's own temperature: share = w · T.
class Objective {
 public:
  Objective(std::span<const Tensor> scores, std::span<const ClassIndex> truth, const Seating& seating)
      : truth_(truth),
        heads_(scores.size()),
        classes_(static_cast<std::size_t>(scores[0].shape()[1])),
        start_(shares_of(seating, scores.size())),
        prior_(seating.prior),
        doubt_(label_doubt(truth.size())) {
    for (const Tensor& score : scores) {
      ensure(score.shape() == scores[0].shape(), "every head answers the same inputs");
      temperature_.push_back(double{fit_temperature(score, truth, 1)});
      scores_.push_back(score.values<float>());
    }
    std::vector<double> count(classes_);
    for (const ClassIndex c : truth) ++count.at(c);
    const double present = double(std::ranges::count_if(count, [](double n) { return n > 0; }));
    for (const ClassIndex c : truth) importance_.push_back(double(truth.size()) / (present * count[c]));
  }

  const std::vector<double>& start() const { return start_; }
  double temperature(std::size_t head) const { return temperature_[head]; }

  Expansion at(std::span<const double> shares) const {
    Expansion e{0, std::vector<double>(heads_), std::vector<double>(heads_ * (heads_ + 1) / 2)};
    std::vector<double> pooled(classes_), mean(heads_);
    for (std::size_t i = 0; i < truth_.size(); ++i) add(i, shares, e, pooled, mean);
    for (std::size_t k = 0, diagonal = 0; k < heads_; ++k, diagonal += k + 1) {
      const double away = shares[k] - start_[k];
      e.loss += prior_ * away * away / 2;
      e.gradient[k] += prior_ * away;
      e.hessian[diagonal] += prior_;
    }
    return e;
  }

 private:
  double score(std::size_t head, std::size_t row, std::size_t c) const {
    return double{scores_[head][row * classes_ + c]} / temperature_[head];
  }

  /// Under the smoothed label.
  double expected(double of_truth, std::span<const double> by_class) const {
    double sum = 0;
    for (const double x : by_class) sum += x;
    return (1 - doubt_) * of_truth + doubt_ * sum / double(classes_);
  }

  void add(std::size_t row, std::span<const double> shares, Expansion& e, std::vector<double>& pooled,
           std::vector<double>& mean) const {
    for (std::size_t c = 0; c < classes_; ++c) {
      pooled[c] = 0;
      for (std::size_t k = 0; k < heads_; ++k) pooled[c] += shares[k] * score(k, row, c);
    }
    const double peak = std::ranges::max(pooled), said = expected(pooled[truth_[row]], pooled);
    double total = 0;
    for (double& x : pooled) total += x = std::exp(x - peak);
    for (double& x : pooled) x /= total;
    const double weight = importance_[row];
    e.loss += weight * (std::log(total) + peak - said);
    for (std::size_t k = 0; k < heads_; ++k) {
      mean[k] = 0;
      double even = 0;
      for (std::size_t c = 0; c < classes_; ++c) {
        mean[k] += pooled[c] * score(k, row, c);
        even += score(k, row, c) / double(classes_);
      }
      e.gradient[k] += weight * (mean[k] - (1 - doubt_) * score(k, row, truth_[row]) - doubt_ * even);
    }
    // The Hessian is the covariance of the heads' scores under the pool.
    for (std::size_t k = 0, at = 0; k < heads_; ++k)
      for (std::size_t l = 0; l <= k; ++l, ++at) {
        double both = 0;
        for (std::size_t c = 0; c < classes_; ++c) both += pooled[c] * score(k, row, c) * score(l, row, c);
        e.hessian[at] += weight * (both - mean[k] * mean[l]);
      }
  }

  std::vector<std::span<const float>> scores_;
  std::span<const ClassIndex> truth_;
  std::size_t heads_, classes_;
  std::vector<double> start_;
  double prior_, doubt_;
  std::vector<double> temperature_, importance_;
};

/// Newton's step; a head at zero that wants to go lower stays out of it.
std::vector<double> newton_step(Expansion e, std::span<const double> shares) {
  for (std::size_t k = 0; k < shares.size(); ++k) {
    if (shares[k] > 0 || e.gradient[k] <= 0) continue;
    e.gradient[k] = 0;
    for (std::size_t l = 0; l < shares.size(); ++l)
      if (l != k) e.hessian[std::max(k, l) * (std::max(k, l) + 1) / 2 + std::min(k, l)] = 0;
  }
  Cholesky(e.hessian, shares.size()).solve(e.gradient, 1);
  return e.gradient;
}

}  // namespace

Tensor Committee::combine(std::span<const Tensor> scores) const {
  ensure(scores.size() == weights.size() && !scores.empty(), "scores of every head");
  Tensor pooled(engine::DType::f32, scores[0].shape());
  const auto out = pooled.mutable_values<float>();
  for (std::size_t k = 0; k < scores.size(); ++k) {
    ensure(scores[k].shape() == pooled.shape(), "every head answers the same inputs");
    const auto score = scores[k].values<float>();
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += static_cast<float>(weights[k]) * score[i];
  }
  return pooled;
}

Committee seat_committee(std::span<const Tensor> scores, std::span<const ClassIndex> truth,
                         const Seating& seating) {
  ensure(!scores.empty(), "a committee has heads");
  if (truth.empty()) return {shares_of(seating, scores.size())};
  const Objective objective(scores, truth, seating);
  std::vector<double> shares = objective.start(), next(shares);
  Expansion here = objective.at(shares);
  for (int iteration = 0; iteration < kIterations; ++iteration) {
    const std::vector<double> step = newton_step(here, shares);
    double length = 1, moved = 0;
    Expansion there;
    do {
      for (std::size_t k = 0; k < shares.size(); ++k) next[k] = std::max(shares[k] - length * step[k], 0.0);
      there = objective.at(next);
      length /= 2;
    } while (there.loss > here.loss && length > 1e-6);
    if (!(there.loss < here.loss)) break;
    for (std::size_t k = 0; k < shares.size(); ++k) moved = std::max(moved, std::abs(next[k] - shares[k]));
    shares.swap(next);
    here = std::move(there);
    if (moved < kConverged) break;
  }
  Committee committee;
  for (std::size_t k = 0; k < shares.size(); ++k)
    committee.weights.push_back(shares[k] / objective.temperature(k));
  return committee;
}

}  // namespace dormouse::learning
