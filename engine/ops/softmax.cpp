#include <algorithm>
#include <cmath>

#include "engine/ops/softmax_axis.h"
#include "engine/ops/types.h"

namespace dormouse::engine {
namespace {

template <class T>
void compute(const KernelContext& context) noexcept {
  const Lines lines = softmax_lines(context);
  const std::int64_t step = lines.inner_count, end = lines.length * step;
  if (end == 0) return;
  lines.each([&](std::int64_t first, std::int64_t) {
    const T* const x = context.in<T>(0).data() + first;
    T* const y = context.out<T>(0).data() + first;
    T highest = x[0];
    for (std::int64_t i = step; i < end; i += step) highest = std::max(highest, x[i]);
    T sum = 0;
    for (std::int64_t i = 0; i < end; i += step) sum += y[i] = std::exp(x[i] - highest);
    for (std::int64_t i = 0; i < end; i += step) y[i] /= sum;
  });
}

Gradients gradient(const GradientContext& context) {
  const Value y = context.output(0), upstream = context.upstream();
  const std::int64_t axis = context.attributes().integer("axis", -1);
  const Value weighted = upstream * y;
  return {weighted - y * reduce_sum(weighted, {axis}, true)};
}

Attributes axis(std::int64_t value) { return {{"axis", value}}; }

}  // namespace

namespace ops {
extern const Op softmax{
    .name = "Softmax",
    .since = 13,
    .infer = infer_softmax,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .in_place = true,
    .samples = {{.shapes = {{2, 5}}},
                {.shapes = {{2, 3, 4}}, .attributes = axis(1)},
                {.shapes = {{3, 2}}, .attributes = axis(-2)}}};
}  // namespace ops

}  // namespace dormouse::engine
