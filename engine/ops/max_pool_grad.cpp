#include <algorithm>

#include "engine/ops/pooling.h"

/// MaxPoolGrad(x, dy), attributes of MaxPool: each dy is added to the element of x that won its window.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  context.require(context.dtype(0) == context.dtype(1), "input and gradient differ in type");
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  if (context.has_shape(1)) require_pooled(context, context.shape(0), context.shape(1));
  context.set_output(0, context.dtype(0), context.shape(0));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const SlidingWindow window = pooling_window(context, context.shape(0), context.shape(1));
  const T* const x = context.in<T>(0).data();
  const T* const dy = context.in<T>(1).data();
  T* const dx = context.out<T>(0).data();
  std::ranges::fill(context.out<T>(0), T{0});
  const auto spread = [&](std::int64_t from, std::int64_t to, std::span<const Offset<T>> largest) {
    for (std::size_t i = 0; i < largest.size(); ++i)
      if (largest[i] >= 0) dx[from + largest[i]] += dy[to + static_cast<std::int64_t>(i)];
  };
  for_largest(window, context.shape(0), x, context.scratch, spread);
}

std::size_t scratch(const KernelContext& context) { return largest_scratch(context.shape(1)); }

Gradients gradient(const GradientContext& context) {
  return {Value{},
          apply("MaxPoolPick", {context.input(0), context.upstream()}, context.attributes(), "dormouse")};
}

}  // namespace

namespace ops {
extern const Op max_pool_grad{.name = "MaxPoolGrad",
                              .domain = "dormouse",
                              .min_inputs = 2,
                              .max_inputs = 2,
                              .infer = infer,
                              .kernels = kernels<float, double>(compute<float>, compute<double>),
                              .gradient = gradient,
                              .scratch = scratch,
                              .by_images = ByImages{.inputs = {true, true}},
                              .samples = {{.shapes = {{2, 3, 8}, {2, 3, 4}},
                                           .attributes = {{"kernel_shape", std::vector<std::int64_t>{3}},
                                                          {"strides", std::vector<std::int64_t>{2}},
                                                          {"pads", std::vector<std::int64_t>{1, 0}}},
                                           .frozen = {0}}}};
}  // namespace ops

}  // namespace dormouse::engine
