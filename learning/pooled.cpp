#include "learning/pooled.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace dormouse::learning {
namespace {

/// lower += factor · ddᵀ.
void add_outer(std::vector<double>& lower, double factor, std::span<const double> d) {
  double* row = lower.data();
  for (std::size_t i = 0; i < d.size(); row += ++i) {
    const double scaled = factor * d[i];
    for (std::size_t j = 0; j <= i; ++j) row[j] += scaled * d[j];
  }
}

void add_scaled(std::vector<double>& to, double factor, std::span<const double> from) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i] += factor * from[i];
}

constexpr double kLeastShares = 8;

}  // namespace

PooledScatter::PooledScatter(std::size_t width, std::size_t classes, Weigh weigh)
    : width_(width), weigh_(weigh), scatter_(width * (width + 1) / 2) {
  grow(classes);
}

PooledScatter::PooledScatter(std::vector<double> count, std::vector<double> mean, std::vector<double> scatter)
    : width_(count.empty() ? 0 : mean.size() / count.size()),
      count_(std::move(count)),
      mean_(std::move(mean)),
      scatter_(std::move(scatter)) {
  ensure(mean_.size() == count_.size() * width_ && scatter_.size() == width_ * (width_ + 1) / 2,
         "counts, means and scatter of one width");
}

void PooledScatter::grow(std::size_t classes) {
  ensure(classes >= count_.size(), "heads only grow");
  count_.resize(classes);
  mean_.resize(classes * width_);
  if (weigh_ == Weigh::classes) own_.resize(classes, std::vector<double>(scatter_.size()));
}

double PooledScatter::weight(double count) const {
  return weigh_ == Weigh::examples ? 1 : 1 / std::max(kLeastShares, std::exp2(std::ceil(std::log2(count))));
}

PooledScatter::Move PooledScatter::add(std::span<const float> x, ClassIndex label) {
  const double n = count_[label]++;
  double* mean = mean_.data() + label * width_;
  if (n == 0) {
    std::ranges::copy(x, mean);
    return {};
  }
  Move by{std::vector<double>(width_), n / (n + 1), 1 / (n + 1)};
  for (std::size_t i = 0; i < width_; ++i) by.d[i] = double{x[i]} - mean[i];
  move(label, n, by);
  return by;
}

PooledScatter::Move PooledScatter::take_back(std::span<const float> x, ClassIndex label) {
  const double n = count_[label];
  if (n < 1)
    throw Failure(Errc::invalid, "unlearn: class " + std::to_string(label) + " has no example to take back");
  --count_[label];
  double* mean = mean_.data() + label * width_;
  if (n == 1) {
    std::fill_n(mean, width_, 0.0);
    return {};
  }
  Move by{std::vector<double>(width_), -(n - 1) / n, -1 / n};  // d: from the mean of the others
  for (std::size_t i = 0; i < width_; ++i) by.d[i] = (double{x[i]} - mean[i]) * (n / (n - 1));
  move(label, n, by);
  return by;
}

/// `before`: examples the class had. by.times becomes that of the pooled scatter.
void PooledScatter::move(ClassIndex label, double before, Move& by) {
  const double was = weight(before), is = weight(count_[label]);
  if (!own_.empty()) add_outer(own_[label], by.times, by.d);
  by.times *= was;
  add_outer(scatter_, by.times, by.d);
  if (is != was) add_scaled(scatter_, is - was, own_[label]);
  by.reweighed = is != was;
  for (std::size_t i = 0; i < width_; ++i) mean_[label * width_ + i] += by.share * by.d[i];
}

// The scatter of two groups together: theirs, and n·m/(n + m) times the outer square of what is between
// their means.
void PooledScatter::add(const Statistics& statistics) {
  grow(std::max(count_.size(), statistics.size()));
  std::vector<double> mean(width_), between(width_), gained(scatter_.size());
  for (std::size_t c = 0; c < statistics.size(); ++c) {
    const ClassStatistics& s = statistics[c];
    ensure(s.sum.size() == width_, "statistics of these features");
    if (s.count <= 0) continue;
    for (std::size_t i = 0; i < width_; ++i) {
      mean[i] = s.sum[i] / s.count;
      between[i] = mean[i] - mean_[c * width_ + i];
    }
    for (std::size_t i = 0, at = 0; i < width_; ++i)
      for (std::size_t j = 0; j <= i; ++j, ++at) gained[at] = s.moment[at] - s.sum[i] * mean[j];
    const double n = count_[c], together = n + s.count, is = weight(together);
    add_outer(gained, n * s.count / together, between);
    add_scaled(scatter_, is, gained);
    if (!own_.empty()) {
      if (n > 0) add_scaled(scatter_, is - weight(n), own_[c]);
      add_scaled(own_[c], 1, gained);
    }
    for (std::size_t i = 0; i < width_; ++i) mean_[c * width_ + i] += between[i] * s.count / together;
    count_[c] = together;
  }
}

double PooledScatter::total() const {
  double sum = 0;
  for (const double n : count_)
    if (n > 0) sum += n * weight(n);
  return sum;
}

std::size_t PooledScatter::bytes() const {
  return sizeof(double) *
         (count_.size() + mean_.size() + scatter_.size() * std::max<std::size_t>(own_.size(), 1));
}

}  // namespace dormouse::learning
