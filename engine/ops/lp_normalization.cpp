#include "engine/kernels/lines.h"
#include "engine/ops/lp_norm.h"
#include "engine/ops/types.h"

/// LpNormalization(x): x divided by its 1- or 2-norm along an axis; 0 where that is 0.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  const std::int64_t p = context.attributes().integer("p", 2);
  const std::int64_t axis = context.attributes().integer("axis", -1);
  context.require(p == 1 || p == 2, "p is neither 1 nor 2");
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  context.axis(axis, context.shape(0).rank());
  context.set_output(0, context.dtype(0), context.shape(0));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const std::int64_t p = context.attributes.integer("p", 2);
  const Lines lines(shape, axis_index(context.attributes.integer("axis", -1), shape.rank()));
  const std::int64_t step = lines.inner_count, end = lines.length * step;
  lines.each([&](std::int64_t first, std::int64_t) {
    const T* const x = context.in<T>(0).data() + first;
    T* const y = context.out<T>(0).data() + first;
    T sum = 0;
    for (std::int64_t i = 0; i < end; i += step) sum += norm_term(x[i], p);
    const T norm = norm_root(sum, p);
    for (std::int64_t i = 0; i < end; i += step) y[i] = norm == 0 ? T{0} : x[i] / norm;
  });
}

// y = x / n: dx = dy / n - x · Σ (dy · x) / n² · dn/dx.
Gradients gradient(const GradientContext& context) {
  const std::int64_t p = context.attributes().integer("p", 2);
  const std::int64_t axis = context.attributes().integer("axis", -1);
  const Value x = context.input(0), dy = context.upstream();
  const auto sum = [&](Value value) { return reduce_sum(value, {axis}, true); };
  const Value norm = p == 1 ? sum(apply("Abs", {x})) : sqrt(sum(x * x));
  const Value slope = norm_slope(x, p) * norm_root_slope(norm, p);
  return {dy / norm - slope * sum(dy * x) / (norm * norm)};
}

}  // namespace

namespace ops {
extern const Op lp_normalization{
    .name = "LpNormalization",
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = {{.shapes = {{3, 4}}},
                {.shapes = {{2, 3, 2}},
                 .attributes = {{"axis", std::int64_t{1}}, {"p", std::int64_t{1}}},
                 .low = 0.5}}};
}  // namespace ops

}  // namespace dormouse::engine
