#include "engine/ops/reduction.h"

namespace dormouse::engine {
namespace {

struct Product {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(static_cast<Wrapping<T>>(a) * static_cast<Wrapping<T>>(b));
  }
};

template <class T>
void compute(const KernelContext& context) noexcept {
  reduce<Product>(context, T{1});
}

// The product of the other elements. Zeros are taken as ones and counted: where another element is 0, the
// product of the others is.
Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), zero = scalar_like(x, 0), y = restore_axes(context, context.output(0));
  const Value is_zero = apply("Equal", {x, zero}), filled = where(is_zero, scalar_like(x, 1), x);
  const Value axes = context.has_input(1) ? context.input(1) : Value{};
  Attributes kept = context.attributes();
  kept.set("keepdims", std::int64_t{1});
  const Value product =
      axes ? apply("ReduceProd", {filled, axes}, kept) : apply("ReduceProd", {filled}, kept);
  const Value counted = cast(is_zero, x.dtype());
  const Value others = broadcast_to(sum_to(counted, y), x) - counted;
  const Value rest = broadcast_to(product, x) / filled;
  return {spread_upstream(context) * where(greater(others, zero), zero, rest)};
}

}  // namespace

namespace ops {
extern const Op reduce_prod{
    .name = "ReduceProd",
    .max_inputs = 2,
    .infer = infer_reduction,
    .kernels = kernels_for(Reduced{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = reduction_samples(0.5)};
}  // namespace ops

}  // namespace dormouse::engine
