#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Plus {
  template <class T>
  T operator()(T a, T b) const {
    return a + b;
  }
};

Gradients gradient(const GradientContext& context) {
  Gradients result;
  for (std::size_t i = 0; i < context.node().inputs.size(); ++i)
    result.push_back(sum_to(context.upstream(), context.input(i)));
  return result;
}

}  // namespace

namespace ops {
extern const Op sum{
    .name = "Sum",
    .since = 8,
    .max_inputs = SIZE_MAX,
    .infer = infer_broadcast,
    .kernels = variadic_kernels<Plus>(Floating{}),
    .gradient = gradient,
    .elementwise = true,
    .samples = {{.shapes = {{2, 3}}}, {.shapes = {{2, 3}, {2, 3}}}, {.shapes = {{4, 1}, {3}, {2, 4, 3}}}}};
}  // namespace ops

}  // namespace dormouse::engine
