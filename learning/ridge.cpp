#include "learning/ridge.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "learning/cholesky.h"

namespace dormouse::learning {
namespace {

constexpr std::size_t packed(std::size_t i, std::size_t j) { return i * (i + 1) / 2 + j; }

/// The augmented moments Σw·x̃x̃ᵀ (lower triangle) and Σw·x̃yᵀ [D + 1, C], the bias coming last.
struct Normal {
  std::vector<double> moment;
  std::vector<double> cross;
};

Normal normal_equations(const Statistics& statistics, std::size_t width, double balance) {
  const std::size_t classes = statistics.size();
  Normal normal{std::vector<double>((width + 1) * (width + 2) / 2),
                std::vector<double>((width + 1) * classes)};
  for (std::size_t c = 0; c < classes; ++c) {
    const ClassStatistics& s = statistics[c];
    if (s.count <= 0) continue;
    const double weight = std::pow(s.count, -balance);
    for (std::size_t i = 0; i < s.moment.size(); ++i) normal.moment[i] += weight * s.moment[i];
    for (std::size_t i = 0; i < width; ++i) {
      normal.moment[packed(width, i)] += weight * s.sum[i];
      normal.cross[i * classes + c] = weight * s.sum[i];
    }
    normal.moment[packed(width, width)] += weight * s.count;
    normal.cross[width * classes + c] = weight * s.count;
  }
  return normal;
}

/// Adds the penalty: `relative` times the mean second moment, at least something where there is no data at
/// all.
void add_ridge(std::vector<double>& moment, std::size_t width, double relative) {
  double trace = 0;
  for (std::size_t i = 0; i < width; ++i) trace += moment[packed(i, i)];
  const double penalty = trace > 0 ? relative * trace / static_cast<double>(width) : 1;
  for (std::size_t i = 0; i <= width; ++i) moment[packed(i, i)] += penalty;
}

}  // namespace

RidgeHead::RidgeHead(std::size_t latent_size, Statistics seed, Options options)
    : width_(latent_size), options_(options), statistics_(std::move(seed)) {
  for (const ClassStatistics& s : statistics_) ensure(s.sum.size() == width_, "statistics of this latent");
  if (options_.balance == 0) solve_plain();
}

void RidgeHead::grow(std::size_t classes) {
  const std::size_t before = statistics_.size();
  ensure(classes >= before, "heads only grow");
  statistics_.resize(classes, ClassStatistics(width_));
  if (options_.balance != 0) return;
  std::vector<double> grown((width_ + 1) * classes);
  for (std::size_t i = 0; i <= width_; ++i)
    std::copy_n(weights_.begin() + std::ptrdiff_t(i * before), before,
                grown.begin() + std::ptrdiff_t(i * classes));
  weights_ = std::move(grown);
}

void RidgeHead::solve_plain() {
  Normal normal = normal_equations(statistics_, width_, 0);
  add_ridge(normal.moment, width_, options_.ridge);
  const Cholesky factor(std::move(normal.moment), width_ + 1);
  weights_ = std::move(normal.cross);
  factor.solve(weights_, statistics_.size());
  inverse_ = factor.inverse();
}

void RidgeHead::update(std::span<const float> latent, ClassIndex label, double times) {
  check_example(latent, label, *this);
  if (times < 0 && statistics_[label].count + times < 0)
    throw Failure(Errc::invalid, "unlearn: class " + std::to_string(label) + " has no example to take back");
  statistics_[label].add(latent, times);
  if (options_.balance != 0) return;

  // Sherman–Morrison: P' = P − P x̃x̃ᵀP / (1/times + x̃ᵀPx̃), W' = W + times·P'x̃ (y − x̃ᵀW).
  const std::size_t n = width_ + 1, classes = statistics_.size();
  std::vector<double> x(latent.begin(), latent.end());
  x.push_back(1);
  std::vector<double> gain(n), error(classes);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) gain[i] += inverse_[i * n + j] * x[j];
  double spread = 0;
  for (std::size_t i = 0; i < n; ++i) {
    spread += x[i] * gain[i];
    for (std::size_t c = 0; c < classes; ++c) error[c] -= x[i] * weights_[i * classes + c];
  }
  error[label] += 1;
  const double scale = 1 / (1 / times + spread);
  for (std::size_t i = 0; i < n; ++i) {
    const double step = scale * gain[i];
    for (std::size_t j = 0; j < n; ++j) inverse_[i * n + j] -= step * gain[j];
    for (std::size_t c = 0; c < classes; ++c) weights_[i * classes + c] += step * error[c];
  }
}

std::vector<double> RidgeHead::weights() const {
  if (options_.balance == 0) return weights_;
  Normal normal = normal_equations(statistics_, width_, options_.balance);
  add_ridge(normal.moment, width_, options_.ridge);
  const Cholesky factor(std::move(normal.moment), width_ + 1);
  factor.solve(normal.cross, statistics_.size());
  return std::move(normal.cross);
}

std::size_t RidgeHead::bytes() const {
  std::size_t numbers = inverse_.size() + weights_.size();
  for (const ClassStatistics& s : statistics_) numbers += 1 + s.sum.size() + s.moment.size();
  return sizeof(double) * numbers;
}

engine::LinearHead RidgeHead::head() const {
  const std::vector<double> exact = weights();
  engine::LinearHead head{
      Tensor(engine::DType::f32, Shape{std::int64_t(width_ + 1), std::int64_t(classes())}),
      options_.temperature};
  std::ranges::transform(exact, head.weights.mutable_values<float>().begin(),
                         [](double w) { return static_cast<float>(w); });
  return head;
}

}  // namespace dormouse::learning
