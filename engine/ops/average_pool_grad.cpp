#include <algorithm>

#include "engine/ops/average.h"

/// AveragePoolGrad(dy, like x), attributes of AveragePool: each dy spread evenly over its window. Of `x` only
/// the shape is read.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_attribute<std::int64_t>(context, "count_include_pad");
  if (!context.has_shape(1)) return context.set_output(0, context.dtype(0));
  if (context.has_shape(0)) require_pooled(context, context.shape(1), context.shape(0));
  context.set_output(0, context.dtype(0), context.shape(1));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const SlidingWindow window = pooling_window(context, context.shape(1), context.shape(0));
  const bool with_padding = counts_padding(context.attributes);
  const T* const dy = context.in<T>(0).data();
  T* const dx = context.out<T>(0).data();
  std::ranges::fill(context.out<T>(0), T{0});
  for_pooled(window, context.shape(1), [&](std::int64_t from, std::int64_t to, std::int64_t position) {
    const T share = dy[to + position] / static_cast<T>(averaged(window, position, with_padding));
    for_window(window, position, [&](std::int64_t offset, std::int64_t) { dx[from + offset] += share; });
  });
}

Gradients gradient(const GradientContext& context) {
  return {apply("AveragePool", {context.upstream()}, context.attributes())};
}

}  // namespace

namespace ops {
extern const Op average_pool_grad{.name = "AveragePoolGrad",
                                  .domain = "dormouse",
                                  .min_inputs = 2,
                                  .max_inputs = 2,
                                  .infer = infer,
                                  .kernels = kernels<float, double>(compute<float>, compute<double>),
                                  .gradient = gradient,
                                  .samples = {{.shapes = {{2, 3, 4}, {2, 3, 8}},
                                               .attributes = {{"kernel_shape", std::vector<std::int64_t>{3}},
                                                              {"strides", std::vector<std::int64_t>{2}},
                                                              {"pads", std::vector<std::int64_t>{1, 0}}},
                                               .frozen = {1}}}};
}  // namespace ops

}  // namespace dormouse::engine
