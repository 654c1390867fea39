#include "learning/rehearsal.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace dormouse::learning {

BalancedSampler::BalancedSampler(std::vector<std::vector<std::size_t>> rows, std::uint64_t seed)
    : random_(seed), pools_(std::move(rows)) {
  std::erase_if(pools_, [](const auto& pool) { return pool.empty(); });
  ensure(!pools_.empty(), "there is something to rehearse");
  for (auto& pool : pools_) random_.shuffle(pool);
  position_.resize(pools_.size());
  order_.resize(pools_.size());
  std::iota(order_.begin(), order_.end(), 0);
}

std::vector<std::size_t> BalancedSampler::draw(std::size_t count) {
  std::vector<std::size_t> rows;
  rows.reserve(count);
  while (rows.size() < count) {
    if (turn_ == 0) random_.shuffle(order_);
    rows.push_back(next_of(order_[turn_]));
    turn_ = (turn_ + 1) % order_.size();
  }
  return rows;
}

std::size_t BalancedSampler::next_of(std::size_t pool) {
  auto& rows = pools_[pool];
  if (position_[pool] == rows.size()) {
    random_.shuffle(rows);
    position_[pool] = 0;
  }
  return rows[position_[pool]++];
}

double curvature(const Tensor& latents, std::span<const std::size_t> rows) {
  const auto width = static_cast<std::size_t>(latents.shape()[1]);
  const auto values = latents.values<float>();
  std::vector<double> direction(width, 1.0), image(width);
  double largest = 1;
  for (int iteration = 0; iteration < 30; ++iteration) {
    const double norm =
        std::sqrt(std::inner_product(direction.begin(), direction.end(), direction.begin(), 0.0));
    if (!(norm > 0)) return 1;  // all latents are zero: any rate will do
    for (double& x : direction) x /= norm;
    std::ranges::fill(image, 0.0);
    for (const std::size_t row : rows) {
      const auto z = values.subspan(row * width, width);
      double along = 0;
      for (std::size_t i = 0; i < width; ++i) along += double{z[i]} * direction[i];
      for (std::size_t i = 0; i < width; ++i) image[i] += along * double{z[i]};
    }
    for (double& x : image) x /= static_cast<double>(rows.size());
    largest = std::inner_product(image.begin(), image.end(), direction.begin(), 0.0);
    direction.swap(image);
  }
  return largest;
}

float ewc_lambda_for(double replayed_per_class) {
  return static_cast<float>(10 / (1 + replayed_per_class * replayed_per_class / 100));
}

float scheduled_rate(float rate, std::size_t step, std::size_t steps) {
  const double at = static_cast<double>(step) / static_cast<double>(std::max<std::size_t>(steps, 1));
  return static_cast<float>(double{rate} * (0.55 + 0.45 * std::cos(std::numbers::pi * at)));
}

}  // namespace dormouse::learning
