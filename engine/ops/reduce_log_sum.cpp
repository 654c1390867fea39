#include <cmath>

#include "engine/ops/reduction.h"

namespace dormouse::engine {
namespace {

template <class T>
void compute(const KernelContext& context) noexcept {
  reduce<Sum>(context, T{0});
  for (T& value : context.out<T>(0)) value = as_real(value, [](auto x) { return std::log(x); });
}

// 1 / Σx = e⁻ʸ.
Gradients gradient(const GradientContext& context) {
  const Value y = restore_axes(context, context.output(0));
  return {broadcast_to(restore_axes(context, context.upstream()) * exp(-y), context.input(0))};
}

}  // namespace

namespace ops {
extern const Op reduce_log_sum{
    .name = "ReduceLogSum",
    .max_inputs = 2,
    .infer = infer_reduction,
    .kernels = kernels_for(Reduced{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = reduction_samples(0.5)};
}  // namespace ops

}  // namespace dormouse::engine
