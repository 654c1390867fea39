#include "learning/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

namespace dormouse::learning {
namespace {

double ratio(std::size_t part, std::size_t whole) {
  return whole ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

}  // namespace

void Confusion::add(ClassIndex truth, ClassIndex named) {
  ensure(truth < classes_ && named < classes_, "a known class");
  ++counts_[truth * classes_ + named];
}

std::size_t Confusion::total() const { return std::reduce(counts_.begin(), counts_.end()); }

double Confusion::accuracy() const {
  std::size_t right = 0;
  for (std::size_t c = 0; c < classes_; ++c) right += count(c, c);
  return ratio(right, total());
}

double Confusion::precision(std::size_t of) const {
  std::size_t named = 0;
  for (std::size_t c = 0; c < classes_; ++c) named += count(c, of);
  return ratio(count(of, of), named);
}

double Confusion::recall(std::size_t of) const {
  std::size_t there = 0;
  for (std::size_t c = 0; c < classes_; ++c) there += count(of, c);
  return ratio(count(of, of), there);
}

double Confusion::f1(std::size_t of) const {
  const double p = precision(of), r = recall(of);
  return p + r > 0 ? 2 * p * r / (p + r) : 0;
}

double Confusion::macro_f1() const {
  double sum = 0;
  std::size_t there = 0;
  for (std::size_t c = 0; c < classes_; ++c) {
    std::size_t examples = 0;
    for (std::size_t n = 0; n < classes_; ++n) examples += count(c, n);
    if (examples == 0) continue;
    sum += f1(c);
    ++there;
  }
  return there ? sum / static_cast<double>(there) : 0;
}

double auroc(std::span<const float> scores, std::span<const bool> positive) {
  ensure(scores.size() == positive.size(), "a truth for every score");
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::size_t i) { return scores[i]; });
  double ranks = 0;  // of the positive examples, from 1, ties sharing their mean
  std::size_t positives = 0;
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first, tied = 0;
    for (; last < order.size() && scores[order[last]] == scores[order[first]]; ++last)
      tied += positive[order[last]];
    ranks += static_cast<double>(tied) * (static_cast<double>(first + last + 1) / 2);
    positives += tied;
    first = last;
  }
  const auto n = static_cast<double>(positives), others = static_cast<double>(scores.size() - positives);
  if (positives == 0 || others == 0) return std::numeric_limits<double>::quiet_NaN();
  return (ranks - n * (n + 1) / 2) / (n * others);
}

double macro_auroc(const Tensor& probabilities, std::span<const ClassIndex> truth) {
  const auto classes = static_cast<std::size_t>(probabilities.shape()[1]);
  const auto values = probabilities.values<float>();
  std::vector<float> scores(truth.size());
  const auto positive = std::make_unique<bool[]>(truth.size());
  double sum = 0;
  std::size_t there = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    for (std::size_t i = 0; i < truth.size(); ++i) {
      scores[i] = values[i * classes + c];
      positive[i] = truth[i] == c;
    }
    const double area = auroc(scores, {positive.get(), truth.size()});
    if (std::isnan(area)) continue;
    sum += area;
    ++there;
  }
  return there ? sum / static_cast<double>(there) : std::numeric_limits<double>::quiet_NaN();
}

double calibration_error(const Tensor& probabilities, std::span<const ClassIndex> truth, std::size_t bins) {
  const auto classes = static_cast<std::size_t>(probabilities.shape()[1]);
  const auto values = probabilities.values<float>();
  std::vector<double> gap(bins);  // Σ (right - confidence) of each bin
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const auto row = values.subspan(i * classes, classes);
    const auto best = std::ranges::max_element(row);
    const auto highest = static_cast<double>(*best);
    const double confidence = highest >= 0 ? std::min(highest, 1.0) : 0;  // NaN is none
    const bool right = static_cast<std::size_t>(best - row.begin()) == truth[i];
    const auto bin = static_cast<std::size_t>(confidence * static_cast<double>(bins));
    gap[std::min(bin, bins - 1)] += (right ? 1 : 0) - confidence;
  }
  double error = 0;
  for (const double sum : gap) error += std::abs(sum);
  return truth.empty() ? 0 : error / static_cast<double>(truth.size());
}

}  // namespace dormouse::learning
