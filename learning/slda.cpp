#include "learning/slda.h"

#include <algorithm>
#include <string>

#include "learning/cholesky.h"

namespace dormouse::learning {

SldaHead::SldaHead(std::size_t latent_size, const Statistics& seed, Options options)
    : width_(latent_size),
      options_(options),
      count_(seed.size()),
      mean_(seed.size() * latent_size),
      scatter_(latent_size * (latent_size + 1) / 2) {
  for (std::size_t c = 0; c < seed.size(); ++c) {
    ensure(seed[c].sum.size() == width_, "statistics of this latent");
    if (seed[c].count <= 0) continue;
    count_[c] = seed[c].count;
    double* mean = mean_.data() + c * width_;
    for (std::size_t i = 0; i < width_; ++i) mean[i] = seed[c].sum[i] / count_[c];
    for (std::size_t i = 0, at = 0; i < width_; ++i)
      for (std::size_t j = 0; j <= i; ++j, ++at)
        scatter_[at] += seed[c].moment[at] - seed[c].sum[i] * mean[j];
  }
}

void SldaHead::grow(std::size_t classes) {
  ensure(classes >= count_.size(), "heads only grow");
  count_.resize(classes);
  mean_.resize(classes * width_);
}

void SldaHead::scatter(std::span<const double> difference, double times) {
  double* row = scatter_.data();
  for (std::size_t i = 0; i < width_; row += ++i) {
    const double scaled = times * difference[i];
    for (std::size_t j = 0; j <= i; ++j) row[j] += scaled * difference[j];
  }
}

void SldaHead::observe(std::span<const float> latent, ClassIndex label) {
  check_example(latent, label, *this);
  double& n = count_[label];
  double* mean = mean_.data() + label * width_;
  std::vector<double> difference(width_);
  for (std::size_t i = 0; i < width_; ++i) difference[i] = double{latent[i]} - mean[i];
  if (n > 0) scatter(difference, n / (n + 1));
  ++n;
  for (std::size_t i = 0; i < width_; ++i) mean[i] += difference[i] / n;
}

void SldaHead::unlearn(std::span<const float> latent, ClassIndex label) {
  check_example(latent, label, *this);
  double& n = count_[label];
  if (n < 1)
    throw Failure(Errc::invalid, "unlearn: class " + std::to_string(label) + " has no example to take back");
  double* mean = mean_.data() + label * width_;
  if (--n == 0) {
    std::fill_n(mean, width_, 0.0);
    return;
  }
  std::vector<double> difference(width_);
  for (std::size_t i = 0; i < width_; ++i) {
    mean[i] += (mean[i] - double{latent[i]}) / n;
    difference[i] = double{latent[i]} - mean[i];
  }
  scatter(difference, -n / (n + 1));
}

std::vector<double> SldaHead::weights() const {
  const std::size_t classes = count_.size();
  double total = 0;
  for (const double n : count_) total += n;
  std::vector<double> covariance = scatter_;
  for (double& x : covariance) x *= (1 - options_.shrinkage) / std::max(total, 1.0);
  for (std::size_t i = 0; i < width_; ++i) covariance[i * (i + 1) / 2 + i] += options_.shrinkage;
  std::vector<double> solved((width_ + 1) * classes);
  for (std::size_t c = 0; c < classes; ++c)
    for (std::size_t i = 0; i < width_; ++i) solved[i * classes + c] = mean_[c * width_ + i];
  const Cholesky factor(std::move(covariance), width_);
  factor.solve(std::span(solved).first(width_ * classes), classes);
  for (std::size_t c = 0; c < classes; ++c) {
    double bias = count_[c] > 0 ? 0 : kNever;
    for (std::size_t i = 0; i < width_; ++i) bias -= 0.5 * mean_[c * width_ + i] * solved[i * classes + c];
    solved[width_ * classes + c] = bias;
  }
  return solved;
}

engine::LinearHead SldaHead::head() const {
  const std::vector<double> exact = weights();
  engine::LinearHead head{
      Tensor(engine::DType::f32, Shape{std::int64_t(width_ + 1), std::int64_t(classes())}), 1.0f};
  std::ranges::transform(exact, head.weights.mutable_values<float>().begin(),
                         [](double w) { return static_cast<float>(w); });
  return head;
}

std::size_t SldaHead::bytes() const {
  return sizeof(double) * (count_.size() + mean_.size() + scatter_.size());
}

}  // namespace dormouse::learning
