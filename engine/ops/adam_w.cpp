#include <cmath>

#include "engine/ops/parameter_update.h"

/// AdamW(parameter, gradient, m, v, rate scalar, step scalar) → (parameter', m', v'): the update of number
/// `step`, counted from 1. Attributes beta1 (0.9), beta2 (0.999), epsilon (1e-8), weight_decay (0) and
/// decoupled (1):
///   g = gradient + (decoupled ? 0 : weight_decay · parameter)
///   m' = beta1 · m + (1 - beta1) · g;  v' = beta2 · v + (1 - beta2) · g²
///   parameter' = parameter - rate · (m' / (1 - beta1ˢ) / (√(v' / (1 - beta2ˢ)) + epsilon)
///                                    + (decoupled ? weight_decay · parameter : 0))
/// Without weight decay this is Adam (Kingma & Ba 2015, algorithm 1), else AdamW (Loshchilov & Hutter 2019).
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_attribute<std::int64_t>(context, "decoupled");
  infer_update(context, 2, 2, {"beta1", "beta2", "epsilon", "weight_decay"});
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const T beta1 = setting<T>(context, "beta1", 0.9f), beta2 = setting<T>(context, "beta2", 0.999f);
  const T epsilon = setting<T>(context, "epsilon", 1e-8f), decay = setting<T>(context, "weight_decay", 0);
  const bool decoupled = context.attributes.integer("decoupled", 1) != 0;
  const T l2 = decoupled ? T{0} : decay, shrink = decoupled ? decay : T{0};
  const T rate = context.in<T>(4)[0], step = context.in<T>(5)[0];
  const T first = 1 - std::pow(beta1, step), second = 1 - std::pow(beta2, step);
  const std::span<const T> parameter = context.in<T>(0), arrived = context.in<T>(1), m = context.in<T>(2),
                           v = context.in<T>(3);
  const std::span<T> next = context.out<T>(0), next_m = wanted<T>(context, 1), next_v = wanted<T>(context, 2);
  for (std::size_t i = 0; i < parameter.size(); ++i) {
    const T gradient = arrived[i] + l2 * parameter[i];
    const T mean = beta1 * m[i] + (1 - beta1) * gradient;
    const T square = beta2 * v[i] + (1 - beta2) * gradient * gradient;
    if (!next_m.empty()) next_m[i] = mean;
    if (!next_v.empty()) next_v[i] = square;
    next[i] =
        parameter[i] - rate * (mean / first / (std::sqrt(square / second) + epsilon) + shrink * parameter[i]);
  }
}

}  // namespace

namespace ops {
extern const Op adam_w{
    .name = "AdamW",
    .domain = "dormouse",
    .min_inputs = 6,
    .max_inputs = 6,
    .max_outputs = 3,
    .infer = infer,
    .kernels = kernels<float, double>(compute<float>, compute<double>),
    .elementwise = true,
    .updates = true,
    .samples = update_samples(2, 2, {{"weight_decay", 0.25f}, {"decoupled", std::int64_t{0}}})};
}  // namespace ops

}  // namespace dormouse::engine
