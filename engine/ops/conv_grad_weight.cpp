#include "engine/ops/convolution.h"
#include "engine/ops/inference.h"

/// ConvGradWeight(x, dy, like w): the gradient that reaches a convolution's weights. Linear in x and dy; of
/// `w` only the shape is read.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  context.require(context.dtype(0) == context.dtype(1), "input and gradient differ in type");
  check_attribute<std::int64_t>(context, "group");
  if (!context.has_shape(2)) return context.set_output(0, context.dtype(0));
  if (context.has_shape(0) && context.has_shape(1)) {
    const Shape y = infer_convolution(context, context.shape(0), context.shape(2));
    context.require(y.rank() == context.shape(1).rank(),
                    "the gradient has not the rank of the convolution's output");
    context.require(!y.is_static() || !context.shape(1).is_static() || y == context.shape(1),
                    "the gradient has not the shape of the convolution's output");
  }
  context.set_output(0, context.dtype(0), context.shape(2));
}

Convolution plan(const KernelContext& context) {
  return {context.attributes, context.shape(0), context.shape(2), context.shape(1)};
}

std::size_t scratch(const KernelContext& context) {
  const Convolution conv = plan(context);
  return conv.column_bytes() + gemm_scratch(conv.m, conv.k, conv.block);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Convolution conv = plan(context);
  T* const columns = reinterpret_cast<T*>(context.scratch.data());
  const std::span<std::byte> rest = context.scratch.subspan(conv.column_bytes());
  const T* const x = context.in<T>(0).data();
  const T* const dy = context.in<T>(1).data();
  T* const dw = context.out<T>(0).data();
  std::ranges::fill(context.out<T>(0), T{0});
  conv.for_blocks([&](std::int64_t image, std::int64_t group, std::int64_t first, std::int64_t count) {
    im2col(x + conv.x_offset(image, group), conv.channels, conv.window, first, count, columns);
    gemm<T>(conv.m, conv.k, count, 1, {dy + conv.y_offset(image, group) + first, conv.y_plane},
            {columns, 1, count}, true, dw + group * conv.m * conv.k, conv.k, rest);
  });
}

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), dy = context.input(1), upstream = context.upstream();
  return {apply("ConvGradInput", {dy, upstream, x}, context.attributes(), "dormouse"),
          apply("Conv", {x, upstream}, context.attributes())};
}

}  // namespace

namespace ops {
extern const Op conv_grad_weight{
    .name = "ConvGradWeight",
    .domain = "dormouse",
    .min_inputs = 3,
    .max_inputs = 3,
    .infer = infer,
    .kernels = kernels<float, double>(compute<float>, compute<double>),
    .gradient = gradient,
    .scratch = scratch,
    .by_images = ByImages{.inputs = {true, true, false}, .summed = true, .outer = 1, .weights = 2},
    .samples = {{.shapes = {{2, 4, 8, 5}, {2, 6, 4, 6}, {6, 2, 3, 2}},
                 .attributes = {{"group", std::int64_t{2}},
                                {"strides", std::vector<std::int64_t>{2, 1}},
                                {"dilations", std::vector<std::int64_t>{1, 2}},
                                {"pads", std::vector<std::int64_t>{0, 1, 1, 2}}},
                 .frozen = {2}}}};
}  // namespace ops

}  // namespace dormouse::engine
