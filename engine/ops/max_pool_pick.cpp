#include "engine/ops/pooling.h"

/// MaxPoolPick(x, u), attributes of MaxPool: u at the element of x that wins each window; the transpose of
/// MaxPoolGrad.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  context.require(context.dtype(0) == context.dtype(1), "inputs differ in type");
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  if (context.has_shape(1) && context.shape(0).is_static() && context.shape(1).is_static())
    context.require(context.shape(0) == context.shape(1), "inputs differ in shape");
  set_checked_output(context, 0, context.dtype(0), infer_pooled(context, context.shape(0)));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const SlidingWindow window = pooling_window(context, context.shape(0), context.output_shape(0));
  const T* const x = context.in<T>(0).data();
  const T* const u = context.in<T>(1).data();
  T* const y = context.out<T>(0).data();
  const auto pick = [&](std::int64_t from, std::int64_t to, std::span<const Offset<T>> largest) {
    for (std::size_t i = 0; i < largest.size(); ++i)
      y[to + static_cast<std::int64_t>(i)] = largest[i] < 0 ? T{0} : u[from + largest[i]];
  };
  for_largest(window, context.shape(0), x, context.scratch, pick);
}

std::size_t scratch(const KernelContext& context) { return largest_scratch(context.output_shape(0)); }

Gradients gradient(const GradientContext& context) {
  return {Value{},
          apply("MaxPoolGrad", {context.input(0), context.upstream()}, context.attributes(), "dormouse")};
}

}  // namespace

namespace ops {
extern const Op max_pool_pick{.name = "MaxPoolPick",
                              .domain = "dormouse",
                              .min_inputs = 2,
                              .max_inputs = 2,
                              .infer = infer,
                              .kernels = kernels<float, double>(compute<float>, compute<double>),
                              .gradient = gradient,
                              .scratch = scratch,
                              .by_images = ByImages{.inputs = {true, true}},
                              .samples = {{.shapes = {{2, 3, 8}, {2, 3, 8}},
                                           .attributes = {{"kernel_shape", std::vector<std::int64_t>{3}},
                                                          {"strides", std::vector<std::int64_t>{2}},
                                                          {"pads", std::vector<std::int64_t>{1, 0}}},
                                           .frozen = {0}}}};
}  // namespace ops

}  // namespace dormouse::engine
