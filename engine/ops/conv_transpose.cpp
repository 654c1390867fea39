#include <vector>

#include "engine/ops/inference.h"
#include "engine/ops/transposed_convolution.h"
#include "engine/ops/types.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  context.require(context.dtype(0) == context.dtype(1), "input and weights differ in type");
  check_attribute<std::int64_t>(context, "group");
  if (!context.has_shape(0) || !context.has_shape(1)) return context.set_output(0, context.dtype(0));
  Shape y = infer_transposed(context, context.shape(0), context.shape(1));
  check_bias(context, 2, context.dtype(0), y);
  set_checked_output(context, 0, context.dtype(0), std::move(y));
}

Convolution plan(const KernelContext& context) {
  return transposed_convolution(context.attributes, context.shape(0), context.shape(1),
                                context.output_shape(0));
}

std::size_t scratch(const KernelContext& context) {
  const Convolution conv = plan(context);
  return conv.column_bytes() + gemm_scratch(conv.k, conv.block, conv.m);
}

template <class T>
void fill_bias(const KernelContext& context, std::int64_t plane) {
  const std::span<T> y = context.out<T>(0);
  const std::int64_t channels = context.output_shape(0)[1];
  const std::span<const T> bias = context.has_input(2) ? context.in<T>(2) : std::span<const T>{};
  std::int64_t row = 0;
  for (auto at = y.begin(); at != y.end(); at += plane, ++row)
    std::fill_n(at, plane, bias.empty() ? T{0} : bias[static_cast<std::size_t>(row % channels)]);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Convolution conv = plan(context);
  if (conv.x_plane == 0) return;
  fill_bias<T>(context, conv.x_plane);
  T* const columns = reinterpret_cast<T*>(context.scratch.data());
  const std::span<std::byte> rest = context.scratch.subspan(conv.column_bytes());
  const T* const x = context.in<T>(0).data();
  const T* const w = context.in<T>(1).data();
  T* const y = context.out<T>(0).data();
  conv.for_blocks([&](std::int64_t image, std::int64_t group, std::int64_t first, std::int64_t count) {
    gemm<T>(conv.k, count, conv.m, 1, {w + group * conv.m * conv.k, 1, conv.k},
            {x + conv.y_offset(image, group) + first, conv.y_plane}, false, columns, count, rest);
    col2im(columns, conv.channels, conv.window, first, count, y + conv.x_offset(image, group));
  });
}

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), w = context.input(1), upstream = context.upstream();
  const Attributes forward =
      forward_attributes(context.attributes(), x.shape(), w.shape(), context.output(0).shape());
  Gradients result{apply("Conv", {upstream, w}, forward),
                   apply("ConvGradWeight", {upstream, x, w}, forward, "dormouse")};
  if (context.has_input(2)) result.push_back(bias_gradient(upstream));
  return result;
}

using Integers = std::vector<std::int64_t>;

}  // namespace

namespace ops {
extern const Op conv_transpose{
    .name = "ConvTranspose",
    .min_inputs = 2,
    .max_inputs = 3,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .scratch = scratch,
    .by_images = ByImages{.inputs = {true, false, false}, .outer = 0, .weights = 1},
    .samples = {{.shapes = {{2, 3, 4}, {3, 2, 3}, {2}},
                 .attributes = {{"strides", Integers{2}}, {"output_padding", Integers{1}}}},
                {.shapes = {{1, 4, 3, 2}, {4, 3, 2, 3}},
                 .attributes = {{"group", std::int64_t{2}},
                                {"strides", Integers{2, 3}},
                                {"dilations", Integers{2, 1}},
                                {"pads", Integers{1, 0, 1, 2}}}},
                {.shapes = {{1, 1, 2, 2, 3}, {1, 2, 3, 2, 2}, {2}},
                 .attributes = {{"auto_pad", std::string("SAME_UPPER")}, {"strides", Integers{2, 1, 2}}}}}};
}  // namespace ops

}  // namespace dormouse::engine
