#include "engine/ops/reduction.h"

/// SumTo(a, like): sums `a` over whatever broadcasting added, to the shape of `like`, whose elements are not
/// read.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  if (!context.has_shape(1)) return context.set_output(0, context.dtype(0));
  if (context.has_shape(0)) {
    const std::optional<Shape> both = broadcast(context.shape(0), context.shape(1));
    context.require(both.has_value() && both->rank() == context.shape(0).rank(),
                    "like does not broadcast to a");
    context.require(!both->is_static() || !context.shape(0).is_static() || *both == context.shape(0),
                    "like does not broadcast to a");
  }
  context.set_output(0, context.dtype(0), context.shape(1));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const std::span<const T> in = context.in<T>(0);
  const std::span<T> out = context.out<T>(0);
  if (in.size() == out.size()) {  // broadcasting added axes of extent 1 at most
    std::ranges::copy(in, out.begin());
    return;
  }
  std::ranges::fill(out, T{0});
  fold<Sum>(in.data(), context.shape(0), out.data(),
            broadcast_strides(context.output_shape(0), context.shape(0)), T{0});
}

Gradients gradient(const GradientContext& context) {
  return {broadcast_to(context.upstream(), context.input(0))};
}

}  // namespace

namespace ops {
extern const Op sum_to{.name = "SumTo",
                       .domain = "dormouse",
                       .min_inputs = 2,
                       .max_inputs = 2,
                       .infer = infer,
                       .kernels = kernels<float, double, std::int32_t, std::int64_t>(
                           compute<float>, compute<double>, compute<std::int32_t>, compute<std::int64_t>),
                       .gradient = gradient,
                       .samples = {{.shapes = {{2, 3, 4}, {3, 1}}, .frozen = {1}},
                                   {.shapes = {{2, 3}, {}}, .frozen = {1}},
                                   {.shapes = {{2, 3}, {2, 3}}, .frozen = {1}}}};
}  // namespace ops

}  // namespace dormouse::engine
