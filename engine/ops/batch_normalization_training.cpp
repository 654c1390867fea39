#include "engine/ops/normalising.h"
#include "engine/ops/reduction.h"

/// BatchNormalizationTraining(x, scale, bias, mean, variance): BatchNormalization's training mode. y is made
/// with the batch's own mean and variance; outputs 1 and 2 are the running ones: momentum · mean + (1 -
/// momentum) · the batch's.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_attribute<float>(context, "epsilon");
  check_attribute<float>(context, "momentum");
  const DType type = context.dtype(0);
  for (std::size_t i = 1; i < 5; ++i)
    if (context.dtype(i) != type) context.unsupported("parameters of another type than the input");
  for (std::size_t i = 0; i < context.outputs(); ++i) context.set_output(i, type);
  if (!context.has_shape(0)) return;
  const Shape& x = context.shape(0);
  check_per_channel(context, x);
  context.set_output(0, type, x);
  for (std::size_t i = 1; i < context.outputs(); ++i) context.set_output(i, type, {x[1]});
}

// The batch's mean and variance of every channel.
std::size_t scratch(const KernelContext& context) {
  return 2 * static_cast<std::size_t>(context.shape(0)[1]) * sizeof(double);
}

template <class T>
struct Moments {
  std::span<const T> mean, variance;
};

// Two passes: E[x²] - E[x]² would cancel.
template <class T>
Moments<T> batch_moments(const KernelContext& context) {
  const Shape& shape = context.shape(0);
  const std::span<const T> x = context.in<T>(0);
  const std::size_t channels = static_cast<std::size_t>(shape[1]);
  const std::span<T> mean{reinterpret_cast<T*>(context.scratch.data()), channels};
  const std::span<T> variance{mean.data() + channels, channels};
  const T count = static_cast<T>(channels == 0 ? 0 : x.size() / channels);
  std::ranges::fill(mean, T{0});
  std::ranges::fill(variance, T{0});
  each_plane(shape, [&](std::size_t c, std::size_t first, std::size_t end) {
    for (std::size_t i = first; i < end; ++i) mean[c] += x[i];
  });
  for (T& value : mean) value /= count;
  each_plane(shape, [&](std::size_t c, std::size_t first, std::size_t end) {
    for (std::size_t i = first; i < end; ++i) variance[c] += (x[i] - mean[c]) * (x[i] - mean[c]);
  });
  for (T& value : variance) value /= count;
  return {mean, variance};
}

template <class T>
void update_running(const KernelContext& context, std::size_t output, std::span<const T> batch) {
  if (context.outputs.size() <= output || !context.outputs[output].present()) return;
  const T kept = static_cast<T>(context.attributes.get<float>("momentum", 0.9f));
  const std::span<const T> before = context.in<T>(2 + output);
  for (std::size_t c = 0; c < batch.size(); ++c)
    context.out<T>(output)[c] = kept * before[c] + (1 - kept) * batch[c];
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Moments<T> moments = batch_moments<T>(context);
  update_running<T>(context, 1, moments.mean);
  update_running<T>(context, 2, moments.variance);
  normalise_channels<T>(context, moments.mean, moments.variance);
}

Gradients gradient(const GradientContext& context) {
  for (std::size_t i = 1; i < context.node().outputs.size(); ++i)
    if (context.upstream(i))
      throw Failure(Errc::unsupported, "BatchNormalization: no gradient of running values");
  const Value x = context.input(0), upstream = context.upstream();
  const Value scale = along_channels(context.input(1), x.shape().rank());
  std::vector<std::int64_t> axes;
  for (std::size_t d = 0; d < x.shape().rank(); ++d)
    if (d != 1) axes.push_back(static_cast<std::int64_t>(d));
  const auto [n, dx] = standardised(x, upstream * scale, axes, epsilon(context.attributes()));
  const auto collect = [&](Value value, std::size_t i) {
    return reshape_to(sum_to(value, scale), context.input(i));
  };
  return {dx, collect(upstream * n, 1), collect(upstream, 2)};
}

}  // namespace

namespace ops {
extern const Op batch_normalization_training{
    .name = "BatchNormalizationTraining",
    .domain = "dormouse",
    .min_inputs = 5,
    .max_inputs = 5,
    .max_outputs = 3,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .scratch = scratch,
    .samples = {{.shapes = {{2, 3, 4}, {3}, {3}, {3}, {3}}, .low = 0.5},
                {.shapes = {{4, 3}, {3}, {3}, {3}, {3}}, .attributes = {{"epsilon", 0.125f}}, .low = 0.5}}};
}  // namespace ops

}  // namespace dormouse::engine
