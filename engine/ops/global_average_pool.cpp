#include "engine/ops/global_pooling.h"
#include "engine/ops/types.h"

namespace dormouse::engine {
namespace {

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& in = context.shape(0);
  fold_planes<Sum>(context, T{0});
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
extern const Op global_average_pool{
    .name = "GlobalAveragePool",
    .infer = infer_global_pooling,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = {{.shapes = {{2, 3, 4, 5}}}, {.shapes = {{2, 3, 7}}}}};
}  // namespace ops

}  // namespace dormouse::engine
