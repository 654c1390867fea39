#include <limits>

#include "engine/ops/reduction.h"

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
  using Limits = std::numeric_limits<T>;
  const T least = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  std::ranges::fill(context.out<T>(0), least);
  fold<Larger>(context.in<T>(0).data(), context.shape(0), context.out<T>(0).data(), reduced_strides(context),
               least);
}

// Elements that tie for the maximum share what arrives.
Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), y = restore_axes(context, context.output(0));
  const Value chosen = cast(apply("Equal", {x, broadcast_to(y, x)}), x.dtype());
  const Value share = restore_axes(context, context.upstream()) / sum_to(chosen, y);
  return {chosen * broadcast_to(share, x)};
}

}  // namespace

namespace ops {
extern const Op reduce_max{.name = "ReduceMax",
                           .max_inputs = 2,
                           .infer = infer_reduction,
                           .kernels = kernels<float, double, std::int32_t, std::int64_t>(
                               compute<float>, compute<double>, compute<std::int32_t>, compute<std::int64_t>),
                           .gradient = gradient,
                           .samples = reduction_samples()};
}  // namespace ops

}  // namespace dormouse::engine
