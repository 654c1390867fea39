#include "learning/calibration.h"

#include <algorithm>
#include <cmath>

namespace dormouse::learning {
namespace {

std::size_t columns(const Tensor& rows) { return static_cast<std::size_t>(rows.shape()[1]); }

/// First and second derivative of the cross-entropy against smoothed labels (see the header) by β = 1 / T.
struct Slope {
  double first = 0, second = 0;
};

Slope slope_at(const Tensor& logits, std::span<const ClassIndex> classes, double beta, double doubt) {
  const std::size_t width = columns(logits);
  Slope slope;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (classes[i] >= width) continue;
    const auto row = logits.values<float>().subspan(i * width, width);
    const double peak = std::ranges::max(row);
    double sum = 0, weighted = 0, squared = 0, plain = 0;
    for (const float logit : row) {
      const double below = double{logit} - peak, p = std::exp(beta * below);
      sum += p;
      weighted += p * below;
      squared += p * below * below;
      plain += below;
    }
    const double mean = weighted / sum;
    slope.first += mean - (1 - doubt) * (double{row[classes[i]]} - peak) - doubt * plain / double(width);
    slope.second += squared / sum - mean * mean;
  }
  return slope;
}

}  // namespace

float fit_temperature(const Tensor& logits, std::span<const ClassIndex> classes, float fallback) {
  const std::size_t width = columns(logits);
  const auto known = std::ranges::count_if(classes, [&](ClassIndex c) { return c < width; });
  if (known == 0) return fallback;
  const double doubt = label_doubt(static_cast<std::size_t>(known));
  // Convex in β, so Newton's steps lead to the one minimum; where one leaves what is left of the range, that
  // is halved on its logarithm instead.
  double low = 0.01, high = 100, beta = 1;
  for (int step = 0; step < 60 && high / low > 1 + 1e-5; ++step) {
    const Slope slope = slope_at(logits, classes, beta, doubt);
    (slope.first > 0 ? high : low) = beta;
    const double next = beta - slope.first / slope.second;
    const bool inside = slope.second > 0 && next > low && next < high;
    const double moved = inside ? next : std::sqrt(low * high);
    if (inside && std::abs(moved - beta) < 1e-5 * beta) return static_cast<float>(1 / moved);
    beta = moved;
  }
  return static_cast<float>(1 / std::sqrt(low * high));
}

Tensor logits_of(const engine::LinearHead& head, const Tensor& latents) {
  const auto rows = static_cast<std::size_t>(latents.shape()[0]);
  const std::size_t inner = columns(latents), width = head.classes();
  ensure(inner == head.latent_size(), "latents of this head");
  Tensor logits(engine::DType::f32, Shape{latents.shape()[0], std::int64_t(width)});
  for (std::size_t i = 0; i < rows; ++i)
    head.logits(latents.values<float>().subspan(i * inner, inner),
                logits.mutable_values<float>().subspan(i * width, width));
  return logits;
}

std::vector<ClassIndex> predictions(const Tensor& logits) {
  return predictions_among(logits, columns(logits));
}

std::vector<ClassIndex> predictions_among(const Tensor& logits, std::size_t classes) {
  const std::size_t width = columns(logits);
  ensure(classes > 0 && classes <= width, "some of the columns");
  std::vector<ClassIndex> best(static_cast<std::size_t>(logits.shape()[0]));
  for (std::size_t i = 0; i < best.size(); ++i) {
    const auto row = logits.values<float>().subspan(i * width, classes);
    best[i] = static_cast<ClassIndex>(std::ranges::max_element(row) - row.begin());
  }
  return best;
}

Tensor probabilities(const Tensor& logits, float temperature) {
  Tensor out = logits.clone();
  const std::size_t width = columns(out);
  for (std::int64_t i = 0; i < out.shape()[0]; ++i) {
    const auto row = out.mutable_values<float>().subspan(static_cast<std::size_t>(i) * width, width);
    const float peak = std::ranges::max(row);
    float sum = 0;
    for (float& x : row) sum += x = std::exp((x - peak) / temperature);
    for (float& x : row) x /= sum;
  }
  return out;
}

}  // namespace dormouse::learning
