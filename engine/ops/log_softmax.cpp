#include <algorithm>
#include <cmath>

#include "engine/ops/softmax_axis.h"

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
    for (std::int64_t i = 0; i < end; i += step) sum += std::exp(x[i] - highest);
    const T shift = highest + std::log(sum);
    for (std::int64_t i = 0; i < end; i += step) y[i] = x[i] - shift;
  });
}

Gradients gradient(const GradientContext& context) {
  const Value y = context.output(0), upstream = context.upstream();
  const std::int64_t axis = context.attributes().integer("axis", -1);
  return {upstream - exp(y) * reduce_sum(upstream, {axis}, true)};
}

Attributes axis(std::int64_t value) { return {{"axis", value}}; }

}  // namespace

namespace ops {
extern const Op log_softmax{.name = "LogSoftmax",
                            .since = 13,
                            .infer = infer_softmax,
                            .kernels = kernels<float, double>(compute<float>, compute<double>),
                            .gradient = gradient,
                            .in_place = true,
                            .samples = {{.shapes = {{2, 5}}},
                                        {.shapes = {{2, 3, 4}}, .attributes = axis(1)},
                                        {.shapes = {{3, 2}}, .attributes = axis(-2)}}};
}  // namespace ops

}  // namespace dormouse::engine
