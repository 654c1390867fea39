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

// Element after element of the kernel over all outputs at once.
template <class T>
void sum_windows(const SlidingWindow& window, const T* x, T* y) {
  const std::int64_t outputs = SlidingWindow::volume(window.output);
  std::fill_n(y, outputs, T{0});
  for (std::int64_t element = 0; element < SlidingWindow::volume(window.kernel); ++element) {
    for_runs(window, element, 0, outputs, [&](const SlidingRun& run) {
      T* const to = y + run.column;
      const T* const from = x + run.input;
      for (std::int64_t j = run.valid_begin; j < run.valid_end; ++j) to[j] += from[j * run.step];
    });
  }
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const SlidingWindow window = pooling_window(context, context.shape(0), context.output_shape(0));
  const bool with_padding = counts_padding(context.attributes);
  const std::int64_t in = SlidingWindow::volume(window.input), out = SlidingWindow::volume(window.output);
  std::vector<T> counts;
  for (std::int64_t position = 0; position < out; ++position)
    counts.push_back(static_cast<T>(averaged(window, position, with_padding)));
  for (std::int64_t plane = 0; plane < context.shape(0)[0] * context.shape(0)[1]; ++plane) {
    T* const y = context.out<T>(0).data() + plane * out;
    sum_windows(window, context.in<T>(0).data() + plane * in, y);
    for (std::size_t i = 0; i < counts.size(); ++i) y[i] /= counts[i];
  }
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
