#include <cmath>

#include "engine/ops/optimiser.h"

/// One step of Adam, of rate R, after T updates:
///   g = gradient + norm_coefficient · x;  v' = alpha · v + (1 - alpha) · g;  h' = beta · h + (1 - beta) · g²
///   r = T > 0 ? R · √(1 - betaᵀ) / (1 - alphaᵀ) : R
///   x' = (1 - norm_coefficient_post) · (x - r · v' / (√h' + epsilon))
namespace dormouse::engine {
namespace {

struct Settings {
  explicit Settings(const Attributes& attributes)
      : alpha(attributes.get<float>("alpha", 0.9f)),
        beta(attributes.get<float>("beta", 0.999f)),
        epsilon(attributes.get<float>("epsilon", 1e-6f)),
        norm(attributes.get<float>("norm_coefficient", 0)),
        norm_after(attributes.get<float>("norm_coefficient_post", 0)) {}
  float alpha, beta, epsilon, norm, norm_after;
};

void infer(InferContext& context) {
  static_cast<void>(Settings(context.attributes()));
  infer_optimiser(context, 2);
}

// Moments that began at 0 are too small at first.
double corrected_rate(const KernelContext& context, const Settings& settings) {
  const auto updates = static_cast<double>(updates_before(context));
  if (updates <= 0) return learning_rate(context);
  const double alpha = static_cast<double>(settings.alpha), beta = static_cast<double>(settings.beta);
  return learning_rate(context) * std::sqrt(1 - std::pow(beta, updates)) / (1 - std::pow(alpha, updates));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Settings settings(context.attributes);
  const T alpha = static_cast<T>(settings.alpha), beta = static_cast<T>(settings.beta);
  const T epsilon = static_cast<T>(settings.epsilon), norm = static_cast<T>(settings.norm);
  const T kept = 1 - static_cast<T>(settings.norm_after),
          rate = static_cast<T>(corrected_rate(context, settings));
  update_parameters<T, 2>(context, [&](T x, T gradient, const std::array<T, 2>& state) {
    const T g = gradient + norm * x;
    const T v = alpha * state[0] + (1 - alpha) * g, h = beta * state[1] + (1 - beta) * g * g;
    return std::array<T, 3>{kept * (x - rate * v / (std::sqrt(h) + epsilon)), v, h};
  });
}

}  // namespace

namespace ops {
extern const Op adam{
    .name = "Adam",
    .domain = kTrainingDomain,
    .min_inputs = 6,
    .max_inputs = SIZE_MAX,
    .max_outputs = SIZE_MAX,
    .kernel_input = 2,
    .infer = infer,
    .kernels = kernels<float, double>(compute<float>, compute<double>),
    .samples = optimiser_samples(2, {{"norm_coefficient", 0.125f}, {"norm_coefficient_post", 0.25f}})};
}  // namespace ops

}  // namespace dormouse::engine
