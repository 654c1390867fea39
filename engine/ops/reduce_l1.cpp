#include "engine/ops/reduction.h"

namespace dormouse::engine {
namespace {

struct AddMagnitude {
  template <class T>
  T operator()(T sum, T x) const {
    const Wrapping<T> wide = static_cast<Wrapping<T>>(x);
    return static_cast<T>(static_cast<Wrapping<T>>(sum) + (x < T{0} ? Wrapping<T>{0} - wide : wide));
  }
};

template <class T>
void compute(const KernelContext& context) noexcept {
  reduce<AddMagnitude, Sum>(context, T{0});
}

Gradients gradient(const GradientContext& context) {
  return {spread_upstream(context) * apply("Sign", {context.input(0)})};
}

}  // namespace

namespace ops {
extern const Op reduce_l1{
    .name = "ReduceL1",
    .max_inputs = 2,
    .infer = infer_reduction,
    .kernels = kernels_for(Reduced{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = reduction_samples()};
}  // namespace ops

}  // namespace dormouse::engine
