#include "learning/calibration.h"

#include <algorithm>
#include <cmath>

namespace dormouse::learning {
namespace {

std::size_t columns(const Tensor& rows) { return static_cast<std::size_t>(rows.shape()[1]); }

/// Cross-entropy against smoothed labels, see the header.
double cross_entropy(const Tensor& logits, std::span<const ClassIndex> classes, double temperature,
                     double doubt) {
  const std::size_t width = columns(logits);
  double total = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (classes[i] >= width) continue;
    const auto row = logits.values<float>().subspan(i * width, width);
    const double peak = std::ranges::max(row);
    double sum = 0, mean = 0;
    for (const float logit : row) {
      sum += std::exp((double{logit} - peak) / temperature);
      mean += (double{logit} - peak) / double(width);
    }
    const double said = (1 - doubt) * (double{row[classes[i]]} - peak) + doubt * mean;
    total += std::log(sum) - said / temperature;
  }
  return total;
}

}  // namespace

float fit_temperature(const Tensor& logits, std::span<const ClassIndex> classes, float fallback) {
  const std::size_t width = columns(logits);
  const auto known = std::ranges::count_if(classes, [&](ClassIndex c) { return c < width; });
  if (known == 0) return fallback;
  const double doubt = label_doubt(static_cast<std::size_t>(known));
  // Cross-entropy is convex in 1/T, so it has one minimum in log T.
  constexpr double kGolden = 0.6180339887498949;
  double low = std::log(0.01), high = std::log(100.0);
  const auto at = [&](double t) { return cross_entropy(logits, classes, std::exp(t), doubt); };
  double left = high - kGolden * (high - low), right = low + kGolden * (high - low);
  double left_value = at(left), right_value = at(right);
  while (high - low > 1e-3) {
    if (left_value <= right_value) {
      high = right, right = left, right_value = left_value;
      left_value = at(left = high - kGolden * (high - low));
    } else {
      low = left, left = right, left_value = right_value;
      right_value = at(right = low + kGolden * (high - low));
    }
  }
  return static_cast<float>(std::exp((low + high) / 2));
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
  const std::size_t width = columns(logits);
  std::vector<ClassIndex> best(static_cast<std::size_t>(logits.shape()[0]));
  for (std::size_t i = 0; i < best.size(); ++i) {
    const auto row = logits.values<float>().subspan(i * width, width);
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
