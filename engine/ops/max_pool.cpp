#include <algorithm>

#include "engine/ops/pooling.h"
#include "engine/ops/types.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_attribute<std::int64_t>(context, "storage_order");
  if (!context.has_shape(0)) {
    context.set_output(0, context.dtype(0));
    if (context.outputs() > 1) context.set_output(1, DType::i64);
    return;
  }
  const Shape y = infer_pooled(context, context.shape(0));
  set_checked_output(context, 0, context.dtype(0), y);
  if (context.outputs() > 1) context.set_output(1, DType::i64, y);
}

// The index of an element in the whole tensor; storage_order 1 counts each plane column by column.
std::int64_t index_of(const SlidingWindow& window, std::int64_t plane, std::int64_t offset,
                      bool column_major) {
  if (!column_major || offset < 0) return plane + offset;
  const auto& [d, h, w] = window.input;
  return plane + offset / (h * w) + d * (offset / w % h + h * (offset % w));
}

// Element after element of the kernel over all outputs at once; NaN wins, as in find_largest().
template <class T>
void pool(const SlidingWindow& window, const T* x, T* y) {
  const std::int64_t outputs = SlidingWindow::volume(window.output);
  std::fill_n(y, outputs, kLeast<T>);
  for (std::int64_t element = 0; element < SlidingWindow::volume(window.kernel); ++element) {
    for_runs(window, element, 0, outputs, [&](const SlidingRun& run) {
      T* const to = y + run.column;
      const T* const from = x + run.input;
      for (std::int64_t j = run.valid_begin; j < run.valid_end; ++j) {
        const T value = from[j * run.step];
        to[j] = value > to[j] || value != value ? value : to[j];
      }
    });
  }
}

bool wants_indices(const KernelContext& context) {
  return context.outputs.size() > 1 && context.outputs[1].present();
}

std::size_t scratch(const KernelContext& context) {
  return wants_indices(context) ? largest_scratch(context.output_shape(0)) : 0;
}

template <class T>
void pool_with_indices(const KernelContext& context, const SlidingWindow& window) {
  const bool column_major = context.attributes.integer("storage_order", 0) != 0;
  const T* const x = context.in<T>(0).data();
  T* const y = context.out<T>(0).data();
  std::int64_t* const indices = context.out<std::int64_t>(1).data();
  for_largest(window, context.shape(0), x, context.scratch,
              [&](std::int64_t from, std::int64_t to, std::span<const Offset<T>> largest) {
                for (const Offset<T> at : largest) {
                  y[to] = at < 0 ? kLeast<T> : x[from + at];
                  indices[to++] = index_of(window, from, at, column_major);
                }
              });
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const SlidingWindow window = pooling_window(context, context.shape(0), context.output_shape(0));
  if (wants_indices(context)) return pool_with_indices<T>(context, window);
  const std::int64_t in = SlidingWindow::volume(window.input), out = SlidingWindow::volume(window.output);
  for (std::int64_t plane = 0; plane < context.shape(0)[0] * context.shape(0)[1]; ++plane)
    pool(window, context.in<T>(0).data() + plane * in, context.out<T>(0).data() + plane * out);
}

Gradients gradient(const GradientContext& context) {
  return {apply("MaxPoolGrad", {context.input(0), context.upstream()}, context.attributes(), "dormouse")};
}

}  // namespace

namespace ops {
extern const Op max_pool{
    .name = "MaxPool",
    .max_outputs = 2,
    .infer = infer,
    .kernels = kernels_for(Types<float, double, Half, BFloat16, std::int8_t, std::uint8_t>{},
                           []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .scratch = scratch,
    .by_images = ByImages{.inputs = {true}},
    .samples = {{.shapes = {{2, 3, 8}},
                 .attributes = {{"kernel_shape", std::vector<std::int64_t>{2}},
                                {"strides", std::vector<std::int64_t>{2}}}},
                {.shapes = {{1, 2, 5, 6}},
                 .attributes = {{"kernel_shape", std::vector<std::int64_t>{3, 2}},
                                {"strides", std::vector<std::int64_t>{2, 2}},
                                {"pads", std::vector<std::int64_t>{1, 0, 1, 1}},
                                {"ceil_mode", std::int64_t{1}}}}}};
}  // namespace ops

}  // namespace dormouse::engine
