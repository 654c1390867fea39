#include "engine/kernels/moments.h"
#include "engine/kernels/strided.h"
#include "engine/ops/normalising.h"
#include "engine/ops/types.h"

/// RMSNormalization(x, scale) over the axes from `axis` on: x / √(mean(x²) + epsilon) · scale (Zhang and
/// Sennrich, Root Mean Square Layer Normalization, 2019).
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_attribute<float>(context, "epsilon");
  const std::int64_t axis = context.attributes().integer("axis", -1);
  if (context.attributes().integer("stash_type", 1) != 1) context.unsupported("stash_type other than f32");
  context.require(context.dtype(1) == context.dtype(0), "inputs differ in type");
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  const Shape& x = context.shape(0);
  check_over_normalised(context, 1, x, context.axis(axis, x.rank()));
  context.set_output(0, context.dtype(0), x);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const Shape inner(
      std::span(shape.extents()).subspan(first_normalised_axis(context.attributes, shape.rank())));
  const std::size_t length = static_cast<std::size_t>(inner.elements());
  if (length == 0) return;
  const StridedLoop<2> loop(inner, {strides(inner), broadcast_strides(context.shape(1), inner)});
  const T* const scale = context.in<T>(1).data();
  for (std::size_t row = 0; row * length < context.in<T>(0).size(); ++row) {
    const std::span<const T> x = context.in<T>(0).subspan(row * length, length);
    const std::span<T> y = context.out<T>(0).subspan(row * length, length);
    const T mean = partial_sums(x, [](T value) { return value * value; }) / static_cast<T>(length);
    const T factor = T{1} / std::sqrt(mean + static_cast<T>(epsilon(context.attributes)));
    loop.rows([&](std::int64_t count, const auto& offset, const auto& step) {
      for (std::int64_t i = 0; i < count; ++i) {
        const std::size_t at = static_cast<std::size_t>(offset[0] + i);
        y[at] = x[at] * factor * scale[offset[1] + i * step[1]];
      }
    });
  }
}

// With n = x / spread and g = dy · scale: dx = (g - n · mean(g · n)) / spread.
Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), upstream = context.upstream();
  const std::vector<std::int64_t> axes = normalised_axes(context.attributes(), x.shape().rank());
  const auto mean = [&](Value value) { return reduce_mean(value, axes, true); };
  const Value spread = sqrt(mean(x * x) + static_cast<double>(epsilon(context.attributes())));
  const Value n = x / spread, g = upstream * context.input(1);
  return {(g - n * mean(g * n)) / spread, sum_to(upstream * n, context.input(1))};
}

}  // namespace

namespace ops {
extern const Op rms_normalization{
    .name = "RMSNormalization",
    .since = 23,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = {{.shapes = {{2, 5}, {5}}},
                {.shapes = {{2, 3, 4}, {3, 1}}, .attributes = {{"axis", std::int64_t{1}}}}}};
}  // namespace ops

}  // namespace dormouse::engine
