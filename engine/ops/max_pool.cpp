#include <limits>

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

template <class T>
void compute(const KernelContext& context) noexcept {
  const SlidingWindow window = pooling_window(context, context.shape(0), context.output_shape(0));
  const bool column_major = context.attributes.integer("storage_order", 0) != 0;
  const bool indexed = context.outputs.size() > 1 && context.outputs[1].present();
  using Limits = std::numeric_limits<T>;
  constexpr T least = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  const T* const x = context.in<T>(0).data();
  T* const y = context.out<T>(0).data();
  for_pooled(window, context.shape(0), [&](std::int64_t from, std::int64_t to, std::int64_t position) {
    const std::int64_t best = argmax_under(window, x + from, position);
    y[to + position] = best < 0 ? least : x[from + best];
    if (indexed)
      context.out<std::int64_t>(1)[static_cast<std::size_t>(to + position)] =
          index_of(window, from, best, column_major);
  });
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
