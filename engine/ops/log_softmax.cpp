#include "engine/ops/softmax_axis.h"
#include "engine/ops/types.h"

namespace dormouse::engine {
namespace {

template <class T>
void compute(const KernelContext& context) noexcept {
  log_softmax_lines(softmax_lines(context), context.in<T>(0).data(), context.out<T>(0).data());
}

Gradients gradient(const GradientContext& context) {
  const Value y = context.output(0), upstream = context.upstream();
  const std::int64_t axis = context.attributes().integer("axis", -1);
  return {upstream - exp(y) * reduce_sum(upstream, {axis}, true)};
}

Attributes axis(std::int64_t value) { return {{"axis", value}}; }

}  // namespace

namespace ops {
extern const Op log_softmax{
    .name = "LogSoftmax",
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
