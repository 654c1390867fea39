#include "engine/ops/parameter_update.h"

/// SgdMomentum(parameter, gradient, velocity, rate scalar) → (parameter', velocity'), attributes momentum
/// (0), weight_decay (0), nesterov (0):
///   g = gradient + weight_decay · parameter;  v' = momentum · velocity + g
///   parameter' = parameter - rate · (nesterov ? g + momentum · v' : v')
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_attribute<std::int64_t>(context, "nesterov");
  infer_update(context, 1, 1, {"momentum", "weight_decay"});
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const T momentum = setting<T>(context, "momentum", 0), decay = setting<T>(context, "weight_decay", 0);
  const bool nesterov = context.attributes.integer("nesterov", 0) != 0;
  const T rate = context.in<T>(3)[0];
  const std::span<const T> parameter = context.in<T>(0), arrived = context.in<T>(1),
                           velocity = context.in<T>(2);
  const std::span<T> next = context.out<T>(0), next_velocity = wanted<T>(context, 1);
  for (std::size_t i = 0; i < parameter.size(); ++i) {
    const T gradient = arrived[i] + decay * parameter[i];
    const T moved = momentum * velocity[i] + gradient;
    if (!next_velocity.empty()) next_velocity[i] = moved;
    next[i] = parameter[i] - rate * (nesterov ? gradient + momentum * moved : moved);
  }
}

}  // namespace

namespace ops {
extern const Op sgd_momentum{
    .name = "SgdMomentum",
    .domain = "dormouse",
    .min_inputs = 4,
    .max_inputs = 4,
    .max_outputs = 2,
    .infer = infer,
    .kernels = kernels<float, double>(compute<float>, compute<double>),
    .elementwise = true,
    .updates = true,
    .samples =
        update_samples(1, 1, {{"momentum", 0.5f}, {"weight_decay", 0.25f}, {"nesterov", std::int64_t{1}}})};
}  // namespace ops

}  // namespace dormouse::engine
