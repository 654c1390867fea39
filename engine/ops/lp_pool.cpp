#include "engine/ops/lp_norm.h"
#include "engine/ops/pooling.h"
#include "engine/ops/types.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_norm(context);
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  set_checked_output(context, 0, context.dtype(0), infer_pooled(context, context.shape(0)));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const SlidingWindow window = pooling_window(context, context.shape(0), context.output_shape(0));
  const std::int64_t p = context.attributes.integer("p", 2);
  const T* const x = context.in<T>(0).data();
  T* const y = context.out<T>(0).data();
  for_pooled(window, context.shape(0), [&](std::int64_t from, std::int64_t to, std::int64_t position) {
    T sum = 0;
    for_window(window, position,
               [&](std::int64_t offset, std::int64_t) { sum += norm_term(x[from + offset], p); });
    y[to + position] = norm_root(sum, p);
  });
}

// A sum over windows is their average, pads counted, times their size.
Gradients gradient(const GradientContext& context) {
  Attributes attributes = context.attributes();
  if (attributes.integer("ceil_mode", 0) != 0)
    throw Failure(Errc::unsupported, "LpPool: no gradient with ceil_mode");
  const std::int64_t p = attributes.integer("p", 2);
  double size = 1;
  for (const std::int64_t extent : attributes.integers("kernel_shape")) size *= static_cast<double>(extent);
  attributes.erase("p");
  attributes.set("count_include_pad", std::int64_t{1});
  const Value x = context.input(0), share = context.upstream() * norm_root_slope(context.output(0), p);
  return {norm_slope(x, p) * apply("AveragePoolGrad", {share, x}, attributes, "dormouse") * size};
}

using Integers = std::vector<std::int64_t>;

}  // namespace

namespace ops {
extern const Op lp_pool{
    .name = "LpPool",
    .since = 2,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = {{.shapes = {{2, 3, 8}}, .attributes = {{"kernel_shape", Integers{2}}}, .low = 0.5},
                {.shapes = {{1, 2, 5, 6}},
                 .attributes = {{"p", std::int64_t{3}},
                                {"kernel_shape", Integers{3, 2}},
                                {"strides", Integers{2, 2}},
                                {"pads", Integers{1, 0, 1, 1}}},
                 .low = 0.5}}};
}  // namespace ops

}  // namespace dormouse::engine
