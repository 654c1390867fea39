#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Inverse {
  template <class T>
  T operator()(T x) const {
    return T{1} / x;
  }
};

Gradients gradient(const GradientContext& context) {
  const Value y = context.output(0);
  return {-context.upstream() * y * y};
}

}  // namespace

namespace ops {
extern const Op reciprocal{
    .name = "Reciprocal",
    .since = 6,
    .infer = infer_like_input,
    .kernels = unary_kernels<Inverse>(Floating{}),
    .gradient = gradient,
    .in_place = true,
    .elementwise = true,
    .samples = {{.shapes = {{2, 3}}, .low = 0.1}, {.shapes = {{1, 257}}, .low = 0.5, .high = 9}}};
}  // namespace ops

}  // namespace dormouse::engine
