#include <cmath>

#include "engine/ops/reduction.h"

namespace dormouse::engine {
namespace {

template <class T>
void compute(const KernelContext& context) noexcept {
  reduce<AddSquare, Sum>(context, T{0});
  for (T& value : context.out<T>(0)) value = as_real(value, [](auto x) { return std::sqrt(x); });
}

// x / y; where the norm is 0 so is the gradient.
Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), y = broadcast_to(restore_axes(context, context.output(0)), x);
  const Value some = greater(y, scalar_like(x, 0));
  return {spread_upstream(context) * x / where(some, y, scalar_like(x, 1))};
}

}  // namespace

namespace ops {
extern const Op reduce_l2{
    .name = "ReduceL2",
    .max_inputs = 2,
    .infer = infer_reduction,
    .kernels = kernels_for(Reduced{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = reduction_samples()};
}  // namespace ops

}  // namespace dormouse::engine
