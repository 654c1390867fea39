#include <algorithm>

#include "engine/ops/elementwise.h"
#include "engine/ops/softmax_axis.h"

namespace dormouse::engine {
namespace {

// 1 at the first of the largest along the axis, 0 elsewhere.
template <class T>
void compute(const KernelContext& context) noexcept {
  const Lines lines = softmax_lines(context);
  const std::int64_t step = lines.inner_count, end = lines.length * step;
  if (end == 0) return;
  std::ranges::fill(context.out<T>(0), T{0});
  lines.each([&](std::int64_t first, std::int64_t) {
    const T* const x = context.in<T>(0).data() + first;
    std::int64_t best = 0;
    for (std::int64_t i = step; i < end; i += step)
      if (x[i] > x[best]) best = i;
    context.out<T>(0)[static_cast<std::size_t>(first + best)] = 1;
  });
}

Attributes axis(std::int64_t value) { return {{"axis", value}}; }

}  // namespace

namespace ops {
extern const Op hardmax{
    .name = "Hardmax",
    .since = 13,
    .infer = infer_softmax,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = flat_gradient,
    .samples = {{.shapes = {{2, 5}}}, {.shapes = {{2, 3, 4}}, .attributes = axis(1)}}};
}  // namespace ops

}  // namespace dormouse::engine
