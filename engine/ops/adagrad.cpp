#include <cmath>

#include "engine/ops/optimiser.h"

/// One step of Adagrad, of rate R, after T updates:
///   g = gradient + norm_coefficient · x;  h' = h + g²
///   x' = x - R / (1 + T · decay_factor) · g / (√h' + epsilon)
namespace dormouse::engine {
namespace {

struct Settings {
  explicit Settings(const Attributes& attributes)
      : decay(attributes.get<float>("decay_factor", 0)),
        epsilon(attributes.get<float>("epsilon", 1e-6f)),
        norm(attributes.get<float>("norm_coefficient", 0)) {}
  float decay, epsilon, norm;
};

void infer(InferContext& context) {
  static_cast<void>(Settings(context.attributes()));
  infer_optimiser(context, 1);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Settings settings(context.attributes);
  const double passed = static_cast<double>(updates_before(context)) * static_cast<double>(settings.decay);
  const T rate = static_cast<T>(learning_rate(context) / (1 + passed));
  const T epsilon = static_cast<T>(settings.epsilon), norm = static_cast<T>(settings.norm);
  update_parameters<T, 1>(context, [&](T x, T gradient, const std::array<T, 1>& state) {
    const T g = gradient + norm * x, h = state[0] + g * g;
    return std::array<T, 2>{x - rate * g / (std::sqrt(h) + epsilon), h};
  });
}

}  // namespace

namespace ops {
extern const Op adagrad{
    .name = "Adagrad",
    .domain = kTrainingDomain,
    .min_inputs = 5,
    .max_inputs = SIZE_MAX,
    .max_outputs = SIZE_MAX,
    .kernel_input = 2,
    .infer = infer,
    .kernels = kernels<float, double>(compute<float>, compute<double>),
    .samples = optimiser_samples(1, {{"decay_factor", 0.5f}, {"norm_coefficient", 0.125f}})};
}  // namespace ops

}  // namespace dormouse::engine
