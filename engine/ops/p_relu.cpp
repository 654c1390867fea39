#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Slope {
  template <class T>
  T operator()(T x, T slope) const {
    if constexpr (std::is_unsigned_v<T>)
      return x;
    else
      return x < 0 ? static_cast<T>(static_cast<Wrapping<T>>(slope) * static_cast<Wrapping<T>>(x)) : x;
  }
};

// The slopes broadcast to the input and never the other way.
void infer(InferContext& context) {
  infer_broadcast(context);
  if (!context.has_shape(0) || !context.has_shape(1)) return;
  const Shape &x = context.shape(0), &slope = context.shape(1);
  context.require(slope.rank() <= x.rank(), "the slopes do not broadcast to the input");
  for (std::size_t d = x.rank() - slope.rank(), s = 0; s < slope.rank(); ++d, ++s)
    context.require(slope[s] == 1 || compatible(slope[s], x[d]), "the slopes do not broadcast to the input");
  context.set_output(0, context.dtype(0), x);
}

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), slope = context.input(1), upstream = context.upstream();
  const Value zero = scalar_like(x, 0), below = greater(zero, x);
  return {where(below, upstream * slope, upstream), sum_to(where(below, upstream * x, zero), slope)};
}

}  // namespace

namespace ops {
extern const Op p_relu{
    .name = "PRelu",
    .since = 16,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .kernels = binary_kernels<Slope>(
        Types<float, double, Half, BFloat16, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t>{}),
    .gradient = gradient,
    .in_place = true,
    .elementwise = true,
    .samples = {{.shapes = {{2, 3}, {2, 3}}}, {.shapes = {{2, 3, 4}, {3, 1}}}, {.shapes = {{5}, {}}}}};
}  // namespace ops

}  // namespace dormouse::engine
