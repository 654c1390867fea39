#include "learning/sgd_head.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace dormouse::learning {

SgdHead::SgdHead(std::size_t latent_size, std::size_t classes, const engine::LinearHead* start,
                 LatentScale scale, Options options)
    : classes_(classes), scale_(std::move(scale)), options_(options), weights_(classes * (latent_size + 1)) {
  ensure(scale_.mean.size() == latent_size, "a scale of this latent");
  if (!start) return;
  ensure(start->latent_size() == latent_size && start->classes() <= classes, "a start of this shape");
  const auto values = start->weights.values<float>();
  const std::size_t columns = start->classes();
  for (std::size_t c = 0; c < columns; ++c) {
    float* row = weights_.data() + c * (latent_size + 1);
    row[latent_size] = values[latent_size * columns + c];
    for (std::size_t i = 0; i < latent_size; ++i) {
      row[i] = values[i * columns + c] * scale_.deviation[i];
      row[latent_size] += values[i * columns + c] * scale_.mean[i];
    }
  }
}

void SgdHead::grow(std::size_t classes) {
  ensure(classes >= classes_, "heads only grow");
  classes_ = classes;
  weights_.resize(classes * (latent_size() + 1));
}

void SgdHead::step(std::span<const float> latent, ClassIndex label, float sign) {
  check_example(latent, label, *this);
  std::vector<float> z(latent.begin(), latent.end());
  scale_.standardise(z);
  z.push_back(1.0f);
  std::vector<float> probability(classes_);
  for (int repeat = 0; repeat < options_.steps; ++repeat) {
    for (std::size_t c = 0; c < classes_; ++c)
      probability[c] =
          std::inner_product(z.begin(), z.end(), weights_.begin() + std::ptrdiff_t(c * z.size()), 0.0f);
    const float peak = std::ranges::max(probability);
    float sum = 0;
    for (float& p : probability) sum += p = std::exp(p - peak);
    for (std::size_t c = 0; c < classes_; ++c) {
      const float error = (c == label ? 1.0f : 0.0f) - probability[c] / sum;
      const float rate = sign * options_.rate * error;
      for (std::size_t i = 0; i < z.size(); ++i) weights_[c * z.size() + i] += rate * z[i];
    }
  }
}

engine::LinearHead SgdHead::head() const {
  const std::size_t width = latent_size();
  engine::LinearHead head{Tensor(engine::DType::f32, Shape{std::int64_t(width + 1), std::int64_t(classes_)}),
                          1.0f};
  const auto out = head.weights.mutable_values<float>();
  for (std::size_t c = 0; c < classes_; ++c) {
    const float* row = weights_.data() + c * (width + 1);
    float bias = row[width];
    for (std::size_t i = 0; i < width; ++i) {
      out[i * classes_ + c] = row[i] / scale_.deviation[i];
      bias -= row[i] * scale_.mean[i] / scale_.deviation[i];
    }
    out[width * classes_ + c] = bias;
  }
  return head;
}

}  // namespace dormouse::learning
