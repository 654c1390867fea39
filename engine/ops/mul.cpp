#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Times {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(static_cast<Wrapping<T>>(a) * static_cast<Wrapping<T>>(b));
  }
};

Gradients gradient(const GradientContext& context) {
  const Value a = context.input(0), b = context.input(1), upstream = context.upstream();
  return {sum_to(upstream * b, a), sum_to(upstream * a, b)};
}

}  // namespace

namespace ops {
extern const Op mul{
    .name = "Mul",
    .since = 7,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer_broadcast,
    .kernels = binary_kernels<Times>(Numeric{}),
    .gradient = gradient,
    .in_place = true,
    .elementwise = true,
    .samples = {{.shapes = {{2, 3}, {2, 3}}}, {.shapes = {{4, 1, 3}, {5, 1}}}, {.shapes = {{}, {2, 2}}}}};
}  // namespace ops

}  // namespace dormouse::engine
