#include <vector>

#include "engine/ops/convolution.h"
#include "engine/ops/inference.h"
#include "engine/ops/types.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  context.require(context.dtype(0) == context.dtype(1), "input and weights differ in type");
  check_attribute<std::int64_t>(context, "group");
  if (!context.has_shape(0) || !context.has_shape(1)) return context.set_output(0, context.dtype(0));
  Shape y = infer_convolution(context, context.shape(0), context.shape(1));
  check_bias(context, 2, context.dtype(0), y);
  set_checked_output(context, 0, context.dtype(0), std::move(y));
}

Convolution plan(const KernelContext& context) {
  return {context.attributes, context.shape(0), context.shape(1), context.output_shape(0)};
}

std::size_t scratch(const KernelContext& context) {
  const Convolution conv = plan(context);
  return conv.column_bytes() + gemm_scratch(conv.m, conv.block, conv.k);
}

template <class T>
void fill_bias(const Convolution& conv, std::span<const T> bias, std::span<T> y) {
  const std::size_t plane = static_cast<std::size_t>(conv.y_plane);
  for (std::size_t row = 0; row * plane < y.size(); ++row)
    std::ranges::fill(y.subspan(row * plane, plane), bias[row % bias.size()]);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Convolution conv = plan(context);
  const bool biased = context.has_input(2);
  if (conv.y_plane == 0) return;
  if (biased) fill_bias(conv, context.in<T>(2), context.out<T>(0));
  T* const columns = reinterpret_cast<T*>(context.scratch.data());
  const std::span<std::byte> rest = context.scratch.subspan(conv.column_bytes());
  const T* const x = context.in<T>(0).data();
  const T* const w = context.in<T>(1).data();
  T* const y = context.out<T>(0).data();
  conv.for_blocks([&](std::int64_t image, std::int64_t group, std::int64_t first, std::int64_t count) {
    im2col(x + conv.x_offset(image, group), conv.channels, conv.window, first, count, columns);
    gemm<T>(conv.m, count, conv.k, 1, {w + group * conv.m * conv.k, conv.k}, {columns, count}, biased,
            y + conv.y_offset(image, group) + first, conv.y_plane, rest);
  });
}

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), w = context.input(1), upstream = context.upstream();
  Gradients result{apply("ConvGradInput", {upstream, w, x}, context.attributes(), "dormouse"),
                   apply("ConvGradWeight", {x, upstream, w}, context.attributes(), "dormouse")};
  if (context.has_input(2)) result.push_back(bias_gradient(upstream));
  return result;
}

}  // namespace

namespace ops {
extern const Op conv{
    .name = "Conv",
    .min_inputs = 2,
    .max_inputs = 3,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .scratch = scratch,
    .by_images = ByImages{.inputs = {true, false, false}, .outer = ByImages::kOutput, .weights = 1},
    .samples = {
        {.shapes = {{2, 3, 9}, {4, 3, 3}, {4}}, .attributes = {{"pads", std::vector<std::int64_t>{1, 1}}}},
        {.shapes = {{2, 4, 6, 5}, {6, 2, 3, 2}},
         .attributes = {{"group", std::int64_t{2}},
                        {"strides", std::vector<std::int64_t>{2, 1}},
                        {"dilations", std::vector<std::int64_t>{1, 2}},
                        {"pads", std::vector<std::int64_t>{1, 0, 2, 1}}}},
        {.shapes = {{1, 1, 3, 4, 5}, {2, 1, 2, 3, 2}, {2}},
         .attributes = {{"auto_pad", std::string("SAME_LOWER")}}}}};
}  // namespace ops

}  // namespace dormouse::engine
