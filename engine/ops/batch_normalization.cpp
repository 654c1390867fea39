#include "engine/ops/normalising.h"
#include "engine/ops/types.h"

/// BatchNormalization as inference has it: y = (x - mean) / √(var + epsilon) · scale + bias, per channel.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_attribute<float>(context, "epsilon");
  if (context.attributes().integer("training_mode", 0) != 0)
    context.unsupported("training_mode is not supported");
  for (std::size_t i = 1; i < 5; ++i)
    context.require(context.dtype(i) == context.dtype(0), "inputs differ in type");
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  const Shape& x = context.shape(0);
  check_per_channel(context, x);
  context.set_output(0, context.dtype(0), x);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  normalise_channels<T>(context, context.in<T>(3), context.in<T>(4));
}

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), upstream = context.upstream();
  const auto per_channel = [&](std::size_t i) { return along_channels(context.input(i), x.shape().rank()); };
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
