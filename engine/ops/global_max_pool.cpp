#include <limits>

#include "engine/ops/global_pooling.h"
#include "engine/ops/types.h"

namespace dormouse::engine {
namespace {

struct Larger {
  template <class T>
  T operator()(T a, T b) const {
    return a > b || a != a ? a : b;  // NaN wins
  }
};

template <class T>
void compute(const KernelContext& context) noexcept {
  fold_planes<Larger>(context, -std::numeric_limits<T>::infinity());
}

// Elements that tie for the maximum share what arrives.
Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), y = context.output(0);
  const Value chosen = cast(apply("Equal", {x, broadcast_to(y, x)}), x.dtype());
  return {chosen * broadcast_to(context.upstream() / sum_to(chosen, y), x)};
}

}  // namespace

namespace ops {
extern const Op global_max_pool{
    .name = "GlobalMaxPool",
    .infer = infer_global_pooling,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = {{.shapes = {{2, 3, 4, 5}}}, {.shapes = {{2, 3, 7}}}}};
}  // namespace ops

}  // namespace dormouse::engine
