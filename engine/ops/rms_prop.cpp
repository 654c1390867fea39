#include <cmath>

#include "engine/ops/parameter_update.h"

/// RmsProp(parameter, gradient, v, velocity, rate scalar) → (parameter', v', velocity'), attributes alpha
/// (0.99), epsilon (1e-8), momentum (0), weight_decay (0) (Tieleman & Hinton 2012, with momentum as in
/// Graves 2013):
///   g = gradient + weight_decay · parameter;  v' = alpha · v + (1 - alpha) · g²
///   velocity' = momentum · velocity + g / (√v' + epsilon);  parameter' = parameter - rate · velocity'
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  infer_update(context, 2, 1, {"alpha", "epsilon", "momentum", "weight_decay"});
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const T alpha = setting<T>(context, "alpha", 0.99f), epsilon = setting<T>(context, "epsilon", 1e-8f);
  const T momentum = setting<T>(context, "momentum", 0), decay = setting<T>(context, "weight_decay", 0);
  const T rate = context.in<T>(4)[0];
  const std::span<const T> parameter = context.in<T>(0), arrived = context.in<T>(1), v = context.in<T>(2),
                           velocity = context.in<T>(3);
  const std::span<T> next = context.out<T>(0), next_v = wanted<T>(context, 1),
                     next_velocity = wanted<T>(context, 2);
  for (std::size_t i = 0; i < parameter.size(); ++i) {
    const T gradient = arrived[i] + decay * parameter[i];
    const T square = alpha * v[i] + (1 - alpha) * gradient * gradient;
    const T moved = momentum * velocity[i] + gradient / (std::sqrt(square) + epsilon);
    if (!next_v.empty()) next_v[i] = square;
    if (!next_velocity.empty()) next_velocity[i] = moved;
    next[i] = parameter[i] - rate * moved;
  }
}

}  // namespace

namespace ops {
extern const Op rms_prop{.name = "RmsProp",
                         .domain = "dormouse",
                         .min_inputs = 5,
                         .max_inputs = 5,
                         .max_outputs = 3,
                         .infer = infer,
                         .kernels = kernels<float, double>(compute<float>, compute<double>),
                         .elementwise = true,
                         .updates = true,
                         .samples = update_samples(2, 1, {{"momentum", 0.5f}, {"weight_decay", 0.25f}})};
}  // namespace ops

}  // namespace dormouse::engine
