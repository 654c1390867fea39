#include "engine/ops/global_pooling.h"
#include "engine/ops/lp_norm.h"
#include "engine/ops/types.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_norm(context);
  infer_global_pooling(context);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const std::int64_t p = context.attributes.integer("p", 2);
  const Shape& shape = context.shape(0);
  const std::size_t plane = static_cast<std::size_t>(shape.elements(2, shape.rank()));
  const std::span<T> y = context.out<T>(0);
  for (std::size_t row = 0; row < y.size(); ++row) {
    T sum = 0;
    for (const T x : context.in<T>(0).subspan(row * plane, plane)) sum += norm_term(x, p);
    y[row] = norm_root(sum, p);
  }
}

Gradients gradient(const GradientContext& context) {
  const std::int64_t p = context.attributes().integer("p", 2);
  const Value x = context.input(0);
  return {norm_slope(x, p) * broadcast_to(context.upstream() * norm_root_slope(context.output(0), p), x)};
}

}  // namespace

namespace ops {
extern const Op global_lp_pool{
    .name = "GlobalLpPool",
    .since = 2,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = {{.shapes = {{2, 3, 4, 5}}, .low = 0.5},
                {.shapes = {{2, 3, 7}}, .attributes = {{"p", std::int64_t{1}}}, .low = 0.5}}};
}  // namespace ops

}  // namespace dormouse::engine
