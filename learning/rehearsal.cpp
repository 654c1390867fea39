#include "learning/rehearsal.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace dormouse::learning {
namespace {

bool same_rows(std::vector<std::size_t> a, std::vector<std::size_t> b) {
  std::ranges::sort(a);
  std::ranges::sort(b);
  return a == b;
}

}  // namespace

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

std::vector<std::uint64_t> BalancedSampler::state() const {
  std::vector<std::uint64_t> state{random_.state(), turn_};
  state.insert(state.end(), order_.begin(), order_.end());
  state.insert(state.end(), position_.begin(), position_.end());
  for (const auto& pool : pools_) state.insert(state.end(), pool.begin(), pool.end());
  return state;
}

void BalancedSampler::restore(std::span<const std::uint64_t> state) {
  std::size_t at = 2;
  const auto take = [&](const std::vector<std::size_t>& like) {
    if (state.size() < at + like.size()) throw Failure(Errc::corrupt, "a sampler's state is too short");
    const auto part = state.subspan(at, like.size());
    at += like.size();
    return std::vector<std::size_t>(part.begin(), part.end());
  };
  BalancedSampler read = *this;
  read.order_ = take(order_);
  read.position_ = take(position_);
  bool fits = std::ranges::is_permutation(read.order_, order_);
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    read.pools_[i] = take(pools_[i]);
    fits = fits && read.position_[i] <= pools_[i].size() && same_rows(read.pools_[i], pools_[i]);
  }
  if (!fits || at != state.size() || state[1] >= order_.size())
    throw Failure(Errc::corrupt, "a sampler's state is of other rows");
  read.random_ = Random(state[0]);
  read.turn_ = state[1];
  *this = std::move(read);
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
