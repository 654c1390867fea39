#include <string>

#include "engine/ops/optimiser.h"

/// One step of SGD with momentum, of rate R, after T updates:
///   g = gradient + norm_coefficient · x;  v' = alpha · v + (T > 0 ? beta : 1) · g
///   x' = x - R · (mode "nesterov" ? g + alpha · v' : v')
namespace dormouse::engine {
namespace {

struct Settings {
  explicit Settings(const Attributes& attributes)
      : alpha(attributes.get<float>("alpha", 0)),
        beta(attributes.get<float>("beta", 0)),
        norm(attributes.get<float>("norm_coefficient", 0)) {}
  float alpha, beta, norm;
};

void infer(InferContext& context) {
  static_cast<void>(Settings(context.attributes()));
  const auto mode = context.attributes().get<std::string>("mode", "");
  context.require(mode == "standard" || mode == "nesterov", "mode is neither standard nor nesterov");
  infer_optimiser(context, 1);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Settings settings(context.attributes);
  const T rate = static_cast<T>(learning_rate(context)), alpha = static_cast<T>(settings.alpha);
  const T beta = updates_before(context) > 0 ? static_cast<T>(settings.beta) : T{1};
  const T norm = static_cast<T>(settings.norm);
  const bool nesterov = context.attributes.get<std::string>("mode", "") == "nesterov";
  update_parameters<T, 1>(context, [&](T x, T gradient, const std::array<T, 1>& state) {
    const T g = gradient + norm * x, v = alpha * state[0] + beta * g;
    return std::array<T, 2>{x - rate * (nesterov ? g + alpha * v : v), v};
  });
}

}  // namespace

namespace ops {
extern const Op momentum{
    .name = "Momentum",
    .domain = kTrainingDomain,
    .min_inputs = 5,
    .max_inputs = SIZE_MAX,
    .max_outputs = SIZE_MAX,
    .kernel_input = 2,
    .infer = infer,
    .kernels = kernels<float, double>(compute<float>, compute<double>),
    .samples = optimiser_samples(
        1,
        {{"alpha", 0.5f}, {"beta", 0.25f}, {"norm_coefficient", 0.125f}, {"mode", std::string("nesterov")}})};
}  // namespace ops

}  // namespace dormouse::engine
