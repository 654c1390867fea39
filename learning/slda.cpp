#include "learning/slda.h"

#include <algorithm>
#include <string>

#include "learning/cholesky.h"

namespace dormouse::learning {

SldaHead::SldaHead(std::size_t latent_size, const Statistics& seed, Options options)
    : width_(latent_size), options_(options), pooled_(latent_size, seed.size()) {
  pooled_.add(seed);
}

void SldaHead::observe(std::span<const float> latent, ClassIndex label) {
  check_example(latent, label, *this);
  pooled_.add(latent, label);
}

void SldaHead::unlearn(std::span<const float> latent, ClassIndex label) {
  check_example(latent, label, *this);
  pooled_.take_back(latent, label);
}

std::vector<double> SldaHead::weights() const {
  const std::size_t count = classes();
  std::vector<double> covariance(pooled_.scatter().begin(), pooled_.scatter().end());
  const double scale = (1 - options_.shrinkage) / std::max(pooled_.total(), 1.0);
  for (double& x : covariance) x *= scale;
  for (std::size_t i = 0; i < width_; ++i) covariance[i * (i + 1) / 2 + i] += options_.shrinkage;
  std::vector<double> solved((width_ + 1) * count);
  for (std::size_t c = 0; c < count; ++c)
    for (std::size_t i = 0; i < width_; ++i) solved[i * count + c] = pooled_.mean(c)[i];
  Cholesky(covariance, width_).solve(std::span(solved).first(width_ * count), count);
  for (std::size_t c = 0; c < count; ++c) {
    double bias = pooled_.count(c) > 0 ? 0 : kNever;
    for (std::size_t i = 0; i < width_; ++i) bias -= 0.5 * pooled_.mean(c)[i] * solved[i * count + c];
    solved[width_ * count + c] = bias;
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

}  // namespace dormouse::learning
