#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Plus {
  template <class T>
  T operator()(T a, T b) const {
    return a + b;
  }
};

template <class T>
void compute(const KernelContext& context) noexcept {
  variadic_kernel<Plus, T>(context);
  const T count = static_cast<T>(context.inputs.size());
  for (T& value : context.out<T>(0)) value /= count;
}

Gradients gradient(const GradientContext& context) {
  const std::size_t count = context.node().inputs.size();
  const Value share = context.upstream() * (1 / static_cast<double>(count));
  Gradients result;
  for (std::size_t i = 0; i < count; ++i) result.push_back(sum_to(share, context.input(i)));
  return result;
}

}  // namespace

namespace ops {
extern const Op mean{
    .name = "Mean",
    .since = 8,
    .max_inputs = SIZE_MAX,
    .infer = infer_broadcast,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = {{.shapes = {{2, 3}}}, {.shapes = {{2, 3}, {2, 3}}}, {.shapes = {{4, 1}, {3}, {2, 4, 3}}}}};
}  // namespace ops

}  // namespace dormouse::engine
