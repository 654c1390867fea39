#include <algorithm>

#include "engine/ops/average.h"
#include "engine/ops/types.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_attribute<std::int64_t>(context, "count_include_pad");
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  set_checked_output(context, 0, context.dtype(0), infer_pooled(context, context.shape(0)));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const SlidingWindow window = pooling_window(context, context.shape(0), context.output_shape(0));
  const bool with_padding = counts_padding(context.attributes);
  const T* const x = context.in<T>(0).data();
  T* const y = context.out<T>(0).data();
  for_pooled(window, context.shape(0), [&](std::int64_t from, std::int64_t to, std::int64_t position) {
    T sum = 0;
    for_window(window, position, [&](std::int64_t offset, std::int64_t) { sum += x[from + offset]; });
    y[to + position] = sum / static_cast<T>(averaged(window, position, with_padding));
  });
}

Gradients gradient(const GradientContext& context) {
  return {apply("AveragePoolGrad", {context.upstream(), context.input(0)}, context.attributes(), "dormouse")};
}

}  // namespace

namespace ops {
extern const Op average_pool{
    .name = "AveragePool",
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = {{.shapes = {{2, 3, 8}}, .attributes = {{"kernel_shape", std::vector<std::int64_t>{2}}}},
                {.shapes = {{1, 2, 5, 6}},
                 .attributes = {{"kernel_shape", std::vector<std::int64_t>{3, 2}},
                                {"strides", std::vector<std::int64_t>{2, 2}},
                                {"pads", std::vector<std::int64_t>{1, 0, 1, 1}},
                                {"ceil_mode", std::int64_t{1}},
                                {"count_include_pad", std::int64_t{1}}}}}};
}  // namespace ops

}  // namespace dormouse::engine
