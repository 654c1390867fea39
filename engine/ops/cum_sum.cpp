#include <algorithm>

#include "engine/kernels/lines.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/types.h"

/// CumSum(x, axis): running sums along an axis, without the element itself when `exclusive`, from the end
/// when `reverse`.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_attribute<std::int64_t>(context, "exclusive");
  check_attribute<std::int64_t>(context, "reverse");
  context.require(context.dtype(1) == DType::i64 || context.dtype(1) == DType::i32,
                  "the axis is neither i32 nor i64");
  context.require(!context.has_shape(1) || context.shape(1) == Shape{} || context.shape(1) == Shape{1},
                  "the axis is not a scalar");
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  if (const Tensor* const axis = context.constant(1))
    context.axis(integer_values(context, *axis)[0], context.shape(0).rank());
  context.set_output(0, context.dtype(0), context.shape(0));
}

template <class T>
void sum_line(const T* x, T* y, std::int64_t length, std::int64_t step, bool exclusive, bool reverse) {
  Wrapping<T> sum = 0;
  for (std::int64_t i = 0; i < length; ++i) {
    const std::int64_t at = (reverse ? length - 1 - i : i) * step;
    const Wrapping<T> next = sum + static_cast<Wrapping<T>>(x[at]);
    y[at] = static_cast<T>(exclusive ? sum : next);
    sum = next;
  }
}

/// The same for `width` neighbouring lines at once.
template <class T>
void sum_rows(const T* x, T* y, std::int64_t length, std::int64_t width, bool exclusive, bool reverse) {
  const std::int64_t forward = reverse ? -width : width;
  if (reverse) x += (length - 1) * width, y += (length - 1) * width;
  if (exclusive)
    std::fill_n(y, width, T{0});
  else
    std::copy_n(x, width, y);
  const T* added = exclusive ? x : x + forward;
  for (std::int64_t i = 1; i < length; ++i, added += forward, y += forward)
    for (std::int64_t j = 0; j < width; ++j)
      y[forward + j] = static_cast<T>(static_cast<Wrapping<T>>(y[j]) + static_cast<Wrapping<T>>(added[j]));
}

// An axis that turns out at run time to be outside the rank leaves x as it is.
template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const std::span<const T> x = context.in<T>(0);
  const std::span<T> y = context.out<T>(0);
  const auto axis = normalise_axis(integer_values(context.inputs[1])[0], shape.rank());
  if (!axis) {
    std::ranges::copy(x, y.begin());
    return;
  }
  const bool exclusive = context.attributes.integer("exclusive", 0) != 0,
             reverse = context.attributes.integer("reverse", 0) != 0;
  const Lines lines(shape, *axis);
  if (lines.length > 0 && lines.inner_count > 1) {
    const std::int64_t block = lines.length * lines.inner_count;
    for (std::int64_t outer = 0; outer < lines.outer_count; ++outer)
      sum_rows(x.data() + outer * block, y.data() + outer * block, lines.length, lines.inner_count, exclusive,
               reverse);
    return;
  }
  lines.each([&](std::int64_t first, std::int64_t) {
    sum_line(x.data() + first, y.data() + first, lines.length, lines.inner_count, exclusive, reverse);
  });
}

// Each element is part of the sums behind it: they are summed from the other end.
Gradients gradient(const GradientContext& context) {
  const bool reverse = context.attributes().integer("reverse", 0) != 0;
  return {apply("CumSum", {context.upstream(), context.input(1)},
                {{"exclusive", context.attributes().integer("exclusive", 0)},
                 {"reverse", std::int64_t{reverse ? 0 : 1}}})};
}

}  // namespace

namespace ops {
extern const Op cum_sum{
    .name = "CumSum",
    .since = 11,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .kernels = kernels_for(
        Types<float, double, Half, BFloat16, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t>{},
        []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = {{.shapes = {{3, 4}, {}}, .fixed = {{1, Tensor::scalar<std::int64_t>(1)}}},
                {.shapes = {{3, 2}, {1}},
                 .attributes = {{"exclusive", std::int64_t{1}}, {"reverse", std::int64_t{1}}},
                 .fixed = {{1, Tensor::from<std::int64_t>({1}, {-2})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
