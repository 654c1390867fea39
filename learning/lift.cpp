#include "learning/lift.h"

#include <cmath>

#include "learning/random.h"

namespace dormouse::learning {

std::shared_ptr<const Tensor> random_lift(const LatentScale& scale, std::size_t features,
                                          std::uint64_t seed) {
  const std::size_t width = scale.mean.size();
  auto lift =
      std::make_shared<Tensor>(engine::DType::f32, Shape{std::int64_t(width + 1), std::int64_t(features)});
  Random random(seed);
  const auto values = lift->mutable_values<float>();
  const double size = 1 / std::sqrt(static_cast<double>(width));
  for (std::size_t k = 0; k < features; ++k) {
    double bias = 2 * random.uniform() - 1;
    for (std::size_t i = 0; i < width; ++i) {
      const double weight = size * random.normal() / double{scale.deviation[i]};
      values[i * features + k] = static_cast<float>(weight);
      bias -= weight * double{scale.mean[i]};
    }
    values[width * features + k] = static_cast<float>(bias);
  }
  return lift;
}

std::vector<float> lifted(const Tensor& lift, std::span<const float> latent) {
  std::vector<float> features(static_cast<std::size_t>(lift.shape()[1]));
  engine::lift_latent(lift, latent, features);
  return features;
}

LabelledLatents lifted(const Tensor& lift, const LabelledLatents& data) {
  const std::int64_t features = lift.shape()[1];
  LabelledLatents out{Tensor(engine::DType::f32, Shape{std::int64_t(data.size()), features}), data.classes};
  const auto to = out.latents.mutable_values<float>();
  for (std::size_t i = 0; i < data.size(); ++i)
    engine::lift_latent(
        lift, data.row(i),
        to.subspan(i * static_cast<std::size_t>(features), static_cast<std::size_t>(features)));
  return out;
}

}  // namespace dormouse::learning
