#include "engine/ops/reduction.h"

namespace dormouse::engine {
namespace {

template <class T>
void compute(const KernelContext& context) noexcept {
  reduce<Sum>(context, T{0});
  const std::span<T> out = context.out<T>(0);
  if (out.empty() || context.in<T>(0).empty()) return;
  const T count = static_cast<T>(context.in<T>(0).size() / out.size());
  for (T& value : out) value /= count;
}

// How many elements share a mean is known only when the input is: the sum of as many ones.
Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), y = context.output(0);
  const Value count = sum_to(broadcast_to(scalar_like(x, 1), x), restore_axes(context, y));
  return {broadcast_to(restore_axes(context, context.upstream()) / count, x)};
}

}  // namespace

namespace ops {
extern const Op reduce_mean{
    .name = "ReduceMean",
    .max_inputs = 2,
    .infer = infer_reduction,
    .kernels = kernels_for(Reduced{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = reduction_samples()};
}  // namespace ops

}  // namespace dormouse::engine
