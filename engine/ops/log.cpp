#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Logarithm {
  template <class T>
  T operator()(T x) const {
    return std::log(x);
  }
};

Gradients gradient(const GradientContext& context) { return {context.upstream() / context.input(0)}; }

}  // namespace

namespace ops {
extern const Op log{
    .name = "Log",
    .since = 6,
    .infer = infer_like_input,
    .kernels = unary_kernels<Logarithm>(Floating{}),
    .gradient = gradient,
    .in_place = true,
    .elementwise = true,
    .samples = {{.shapes = {{2, 3}}, .low = 0.1}, {.shapes = {{1, 257}}, .low = 0.5, .high = 9}}};
}  // namespace ops

}  // namespace dormouse::engine
