#include "engine/ops/parameter_update.h"

/// Lion(parameter, gradient, m, rate scalar) → (parameter', m'), attributes beta1 (0.9), beta2 (0.99),
/// weight_decay (0) (Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2):
///   parameter' = parameter - rate · (sign(beta1 · m + (1 - beta1) · gradient) + weight_decay · parameter)
///   m' = beta2 · m + (1 - beta2) · gradient
namespace dormouse::engine {
namespace {

void infer(InferContext& context) { infer_update(context, 1, 1, {"beta1", "beta2", "weight_decay"}); }

template <class T>
void compute(const KernelContext& context) noexcept {
  const T beta1 = setting<T>(context, "beta1", 0.9f), beta2 = setting<T>(context, "beta2", 0.99f);
  const T decay = setting<T>(context, "weight_decay", 0), rate = context.in<T>(3)[0];
  const std::span<const T> parameter = context.in<T>(0), gradient = context.in<T>(1), m = context.in<T>(2);
  const std::span<T> next = context.out<T>(0), next_m = wanted<T>(context, 1);
  for (std::size_t i = 0; i < parameter.size(); ++i) {
    const T leaning = beta1 * m[i] + (1 - beta1) * gradient[i];
    const T sign = static_cast<T>(leaning > 0) - static_cast<T>(leaning < 0);
    if (!next_m.empty()) next_m[i] = beta2 * m[i] + (1 - beta2) * gradient[i];
    next[i] = parameter[i] - rate * (sign + decay * parameter[i]);
  }
}

}  // namespace

namespace ops {
extern const Op lion{.name = "Lion",
                     .domain = "dormouse",
                     .min_inputs = 4,
                     .max_inputs = 4,
                     .max_outputs = 2,
                     .infer = infer,
                     .kernels = kernels<float, double>(compute<float>, compute<double>),
                     .elementwise = true,
                     .updates = true,
                     .samples = update_samples(1, 1, {{"weight_decay", 0.25f}})};
}  // namespace ops

}  // namespace dormouse::engine
