#include "engine/ops/reduction.h"

namespace dormouse::engine {
namespace {

template <class T>
void compute(const KernelContext& context) noexcept {
  reduce<Sum>(context, T{0});
}

Gradients gradient(const GradientContext& context) { return {spread_upstream(context)}; }

}  // namespace

namespace ops {
extern const Op reduce_sum{
    .name = "ReduceSum",
    .max_inputs = 2,
    .infer = infer_reduction,
    .kernels = kernels_for(Reduced{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = reduction_samples()};
}  // namespace ops

}  // namespace dormouse::engine
