#include <cmath>

#include "engine/ops/inference.h"
#include "engine/ops/types.h"

/// BatchNormalization as inference has it: y = (x - mean) / √(var + epsilon) · scale + bias, per channel.
namespace dormouse::engine {
namespace {

float epsilon(const Attributes& attributes) { return attributes.get<float>("epsilon", 1e-5f); }

void infer(InferContext& context) {
  check_attribute<float>(context, "epsilon");
  if (context.attributes().integer("training_mode", 0) != 0)
    context.unsupported("training_mode is not supported");
  for (std::size_t i = 1; i < 5; ++i)
    context.require(context.dtype(i) == context.dtype(0), "inputs differ in type");
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  const Shape& x = context.shape(0);
  context.require(x.rank() >= 2, "expects [N, C, …]");
  for (std::size_t i = 1; i < 5; ++i) {
    if (!context.has_shape(i)) continue;
    const Shape& parameter = context.shape(i);
    context.require(
        parameter.rank() == 1 && (parameter[0] == x[1] || parameter[0] == kDynamic || x[1] == kDynamic),
        "scale, bias, mean and variance must have one value per channel");
  }
  context.set_output(0, context.dtype(0), x);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const std::size_t plane = static_cast<std::size_t>(shape.elements(2, shape.rank()));
  const std::size_t channels = static_cast<std::size_t>(shape[1]);
  const std::span<const T> x = context.in<T>(0);
  const std::span<T> y = context.out<T>(0);
  for (std::size_t first = 0; first < x.size(); first += plane) {
    const std::size_t c = first / plane % channels;
    const T spread = std::sqrt(context.in<T>(4)[c] + static_cast<T>(epsilon(context.attributes)));
    const T factor = context.in<T>(1)[c] / spread, mean = context.in<T>(3)[c], bias = context.in<T>(2)[c];
    for (std::size_t i = first; i < first + plane; ++i) y[i] = (x[i] - mean) * factor + bias;
  }
}

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), upstream = context.upstream();
  std::vector<std::int64_t> channel(x.shape().rank() - 1, 1);
  channel[0] = -1;  // [C, 1, …] broadcasts along the channels
  const auto per_channel = [&](std::size_t i) { return reshape(context.input(i), channel); };
  const Value scale = per_channel(1), centred = x - per_channel(3);
  const Value variance = per_channel(4) + static_cast<double>(epsilon(context.attributes()));
  const Value spread = sqrt(variance), dx = upstream * scale / spread;
  const auto collect = [&](Value value, std::size_t i) {
    return reshape_to(sum_to(value, scale), context.input(i));
  };
  return {dx, collect(upstream * centred / spread, 1), collect(upstream, 2), collect(-dx, 3),
          collect(dx * centred / variance * -0.5, 4)};
}

}  // namespace

namespace ops {
extern const Op batch_normalization{
    .name = "BatchNormalization",
    .since = 7,
    .min_inputs = 5,
    .max_inputs = 5,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .in_place = true,
    .samples = {{.shapes = {{2, 3, 4, 2}, {3}, {3}, {3}, {3}}, .low = 0.5},
                {.shapes = {{4, 3}, {3}, {3}, {3}, {3}}, .attributes = {{"epsilon", 0.125f}}, .low = 0.5}}};
}  // namespace ops

}  // namespace dormouse::engine
