#include "engine/ops/reduction.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  Shape shape = context.shape(0);
  context.require(shape.rank() >= 2, "expects [N, C, …]");
  for (std::size_t d = 2; d < shape.rank(); ++d) shape[d] = 1;
  context.set_output(0, context.dtype(0), std::move(shape));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape &in = context.shape(0), &out = context.output_shape(0);
  std::ranges::fill(context.out<T>(0), T{0});
  fold<Sum>(context.in<T>(0).data(), in, context.out<T>(0).data(), broadcast_strides(out, in), T{0});
  const T count = static_cast<T>(std::max<std::int64_t>(in.elements(2, in.rank()), 1));
  for (T& value : context.out<T>(0)) value /= count;
}

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), y = context.output(0);
  const Value count = sum_to(broadcast_to(scalar_like(x, 1), x), y);
  return {broadcast_to(context.upstream() / count, x)};
}

}  // namespace

namespace ops {
extern const Op global_average_pool{.name = "GlobalAveragePool",
                                    .infer = infer,
                                    .kernels = kernels<float, double>(compute<float>, compute<double>),
                                    .gradient = gradient,
                                    .samples = {{.shapes = {{2, 3, 4, 5}}}, {.shapes = {{2, 3, 7}}}}};
}  // namespace ops

}  // namespace dormouse::engine
