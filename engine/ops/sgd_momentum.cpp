#include "engine/ops/inference.h"

/// SgdMomentum(parameter, gradient, velocity, rate scalar) → (parameter', velocity'), attributes momentum
/// (0), weight_decay (0), nesterov (0):
///   g = gradient + weight_decay · parameter;  v' = momentum · velocity + g
///   parameter' = parameter - rate · (nesterov ? g + momentum · v' : v')
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_attribute<float>(context, "momentum");
  check_attribute<float>(context, "weight_decay");
  check_attribute<std::int64_t>(context, "nesterov");
  const DType type = context.dtype(0);
  for (std::size_t i = 1; i < 4; ++i) context.require(context.dtype(i) == type, "inputs differ in type");
  for (std::size_t i = 1; i < 3; ++i)
    context.require(!context.has_shape(0) || !context.has_shape(i) || context.shape(0) == context.shape(i),
                    "parameter, gradient and velocity differ in shape");
  context.require(!context.has_shape(3) || context.shape(3).rank() == 0, "the rate is not a scalar");
  for (std::size_t i = 0; i < context.outputs(); ++i)
    context.has_shape(0) ? context.set_output(i, type, context.shape(0)) : context.set_output(i, type);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const T momentum = static_cast<T>(context.attributes.get<float>("momentum", 0));
  const T decay = static_cast<T>(context.attributes.get<float>("weight_decay", 0));
  const bool nesterov = context.attributes.integer("nesterov", 0) != 0;
  const T rate = context.in<T>(3)[0];
  const std::span<const T> parameter = context.in<T>(0), arrived = context.in<T>(1),
                           velocity = context.in<T>(2);
  const std::span<T> next = context.out<T>(0);
  const std::span<T> next_velocity =
      context.outputs.size() > 1 && context.outputs[1].present() ? context.out<T>(1) : std::span<T>{};
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
    .samples = {{.shapes = {{3, 5}, {3, 5}, {3, 5}, {}},
                 .attributes = {{"momentum", 0.5f}, {"weight_decay", 0.25f}, {"nesterov", std::int64_t{1}}}},
                {.shapes = {{7}, {7}, {7}, {}}, .attributes = {{"momentum", 0.5f}}}}};
}  // namespace ops

}  // namespace dormouse::engine
