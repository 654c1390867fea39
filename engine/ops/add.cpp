#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Plus {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(static_cast<Wrapping<T>>(a) + static_cast<Wrapping<T>>(b));
  }
};

Gradients gradient(const GradientContext& context) {
  return {sum_to(context.upstream(), context.input(0)), sum_to(context.upstream(), context.input(1))};
}

}  // namespace

namespace ops {
extern const Op add{
    .name = "Add",
    .since = 7,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer_broadcast,
    .kernels = binary_kernels<Plus>(Numeric{}),
    .gradient = gradient,
    .in_place = true,
    .elementwise = true,
    .samples = {{.shapes = {{2, 3}, {2, 3}}}, {.shapes = {{4, 1, 3}, {5, 1}}}, {.shapes = {{}, {2, 2}}}}};
}  // namespace ops

}  // namespace dormouse::engine
