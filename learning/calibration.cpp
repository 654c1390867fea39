#include "learning/calibration.h"

#include <algorithm>
#include <cmath>

#include "learning/fast_head.h"

namespace dormouse::learning {
namespace {

std::size_t columns(const Tensor& rows) { return static_cast<std::size_t>(rows.shape()[1]); }

/// A class without a column, or that its head never names, says nothing about temperature.
bool counts(const Tensor& logits, std::size_t row, ClassIndex truth) {
  const std::size_t width = columns(logits);
  if (truth >= width) return false;
  return double{logits.values<float>()[row * width + truth]} > kNever / 2;
}

/// First and second derivative by β = 1/T of the cross-entropy against smoothed labels, see the header.
struct Slope {
  double first = 0, second = 0;
};

Slope slope(const Tensor& logits, std::span<const ClassIndex> classes, double beta, double doubt) {
  const std::size_t width = columns(logits);
  Slope slope;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (!counts(logits, i, classes[i])) continue;
    const auto row = logits.values<float>().subspan(i * width, width);
    const double peak = std::ranges::max(row);
    double sum = 0, mean = 0, square = 0, even = 0, named = 0;
    for (const float logit : row) {
      if (double{logit} < kNever / 2) continue;
      const double below = double{logit} - peak, p = std::exp(beta * below);
      sum += p, mean += p * below, square += p * below * below;
      even += below, ++named;
    }
    mean /= sum;
    slope.first += mean - (1 - doubt) * (double{row[classes[i]]} - peak) - doubt * even / named;
    slope.second += square / sum - mean * mean;
  }
  return slope;
}

}  // namespace

float fit_temperature(const Tensor& logits, std::span<const ClassIndex> classes, float fallback) {
  std::size_t known = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) known += counts(logits, i, classes[i]);
  if (known == 0) return fallback;
  const double doubt = label_doubt(known);
  // Cross-entropy is convex in β = 1/T: Newton's method, with bisection where it would leave the bracket.
  double low = 0.01, high = 100, beta = std::clamp(1 / double{fallback}, low, high);
  for (int step = 0; step < 50; ++step) {
    const Slope at = slope(logits, classes, beta, doubt);
    (at.first > 0 ? high : low) = beta;
    double next = beta - at.first / at.second;
    if (!(next > low && next < high)) next = std::sqrt(low * high);
    if (std::abs(next - beta) < 1e-6 * beta) break;
    beta = next;
  }
  return static_cast<float>(1 / beta);
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

double share_right(std::span<const ClassIndex> named, std::span<const ClassIndex> truth) {
  ensure(named.size() == truth.size(), "a name for every example");
  std::size_t right = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) right += named[i] == truth[i];
  return static_cast<double>(right) / static_cast<double>(truth.size());
}

Tensor calibrate(engine::LinearHead& head, const LabelledLatents& held_out) {
  Tensor logits = logits_of(head, held_out.latents);
  head.temperature = fit_temperature(logits, held_out.classes, head.temperature);
  return logits;
}

}  // namespace dormouse::learning
