#include "engine/ops/convolution.h"
#include "engine/ops/inference.h"

/// ConvGradInput(dy, w, like x): the gradient that reaches a convolution's input. Linear in dy and w; of `x`
/// only the shape is read.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  context.require(context.dtype(0) == context.dtype(1), "gradient and weights differ in type");
  check_attribute<std::int64_t>(context, "group");
  if (!context.has_shape(2)) return context.set_output(0, context.dtype(0));
  if (context.has_shape(0) && context.has_shape(1)) {
    const Shape y = infer_convolution(context, context.shape(2), context.shape(1));
    context.require(broadcast(y, context.shape(0)).has_value() && y.rank() == context.shape(0).rank(),
                    "the gradient has not the shape of the convolution's output");
    context.require(!y.is_static() || !context.shape(0).is_static() || y == context.shape(0),
                    "the gradient has not the shape of the convolution's output");
  }
  context.set_output(0, context.dtype(0), context.shape(2));
}

Convolution plan(const KernelContext& context) {
  return {context.attributes, context.shape(2), context.shape(1), context.shape(0)};
}

std::size_t scratch(const KernelContext& context) {
  const Convolution conv = plan(context);
  return conv.column_bytes() + gemm_scratch(conv.k, conv.block, conv.m);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Convolution conv = plan(context);
  T* const columns = reinterpret_cast<T*>(context.scratch.data());
  const std::span<std::byte> rest = context.scratch.subspan(conv.column_bytes());
  const T* const dy = context.in<T>(0).data();
  const T* const w = context.in<T>(1).data();
  T* const dx = context.out<T>(0).data();
  std::ranges::fill(context.out<T>(0), T{0});
  conv.for_blocks([&](std::int64_t image, std::int64_t group, std::int64_t first, std::int64_t count) {
    gemm<T>(conv.k, count, conv.m, 1, {w + group * conv.m * conv.k, 1, conv.k},
            {dy + conv.y_offset(image, group) + first, conv.y_plane}, false, columns, count, rest);
    col2im(columns, conv.channels, conv.window, first, count, dx + conv.x_offset(image, group));
  });
}

Gradients gradient(const GradientContext& context) {
  const Value dy = context.input(0), w = context.input(1), upstream = context.upstream();
  return {apply("Conv", {upstream, w}, context.attributes()),
          apply("ConvGradWeight", {upstream, dy, w}, context.attributes(), "dormouse")};
}

}  // namespace

namespace ops {
extern const Op conv_grad_input{
    .name = "ConvGradInput",
    .domain = "dormouse",
    .min_inputs = 3,
    .max_inputs = 3,
    .infer = infer,
    .kernels = kernels<float, double>(compute<float>, compute<double>),
    .gradient = gradient,
    .scratch = scratch,
    .by_images = ByImages{.inputs = {true, false, true}, .outer = 0, .weights = 1},
    .samples = {{.shapes = {{2, 6, 4, 6}, {6, 2, 3, 2}, {2, 4, 8, 5}},
                 .attributes = {{"group", std::int64_t{2}},
                                {"strides", std::vector<std::int64_t>{2, 1}},
                                {"dilations", std::vector<std::int64_t>{1, 2}},
                                {"pads", std::vector<std::int64_t>{0, 1, 1, 2}}},
                 .frozen = {2}}}};
}  // namespace ops

}  // namespace dormouse::engine
