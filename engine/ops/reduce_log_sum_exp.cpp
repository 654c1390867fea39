#include <cmath>
#include <limits>

#include "engine/ops/extremum.h"
#include "engine/ops/reduction.h"

/// log Σ eˣ, computed as m + log Σ eˣ⁻ᵐ with m the largest element, so that nothing overflows.
namespace dormouse::engine {
namespace {

// A sum of exponentials per output.
std::size_t scratch(const KernelContext& context) {
  return static_cast<std::size_t>(context.output_shape(0).elements()) * sizeof(double);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  using Real = std::conditional_t<std::is_floating_point_v<T>, T, double>;
  using Limits = std::numeric_limits<T>;
  reduce<Larger>(context, Limits::has_infinity ? -Limits::infinity() : Limits::lowest());
  const std::span<T> out = context.out<T>(0);
  const std::span<Real> sums{reinterpret_cast<Real*>(context.scratch.data()), out.size()};
  std::ranges::fill(sums, Real{0});
  const StridedLoop<2> loop(context.shape(0), {strides(context.shape(0)), reduced_strides(context)});
  loop.rows([&](std::int64_t length, const auto& offset, const auto& step) {
    const T* const from = context.in<T>(0).data() + offset[0];
    for (std::int64_t i = 0; i < length; ++i) {
      const std::size_t to = static_cast<std::size_t>(offset[1] + i * step[1]);
      // Of equal infinities the difference is NaN; e⁰ it is.
      const bool largest = from[i] == out[to];
      sums[to] += largest ? Real{1} : std::exp(static_cast<Real>(from[i]) - static_cast<Real>(out[to]));
    }
  });
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = as_real(out[i], [&](auto largest) { return largest + std::log(sums[i]); });
}

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), y = broadcast_to(restore_axes(context, context.output(0)), x);
  return {spread_upstream(context) * exp(x - y)};
}

}  // namespace

namespace ops {
extern const Op reduce_log_sum_exp{
    .name = "ReduceLogSumExp",
    .max_inputs = 2,
    .infer = infer_reduction,
    .kernels = kernels_for(Reduced{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .scratch = scratch,
    .samples = reduction_samples()};
}  // namespace ops

}  // namespace dormouse::engine
