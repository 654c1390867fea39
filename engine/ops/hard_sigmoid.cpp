#include <algorithm>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Ramp {
  explicit Ramp(const Attributes& attributes)
      : alpha(attributes.get<float>("alpha", 0.2f)), beta(attributes.get<float>("beta", 0.5f)) {}
  float alpha, beta;
  template <class T>
  T operator()(T x) const {
    return std::clamp(static_cast<T>(alpha) * x + static_cast<T>(beta), T{0}, T{1});
  }
};

Gradients gradient(const GradientContext& context) {
  const Ramp f(context.attributes());
  const Value y = context.output(0), upstream = context.upstream(), zero = scalar_like(y, 0);
  const Value rising = where(greater(y, zero), upstream * static_cast<double>(f.alpha), zero);
  return {where(greater(scalar_like(y, 1), y), rising, zero)};
}

}  // namespace

namespace ops {
extern const Op hard_sigmoid{
    .name = "HardSigmoid",
    .since = 6,
    .infer = infer_activation<Ramp>,
    .kernels = unary_kernels<Ramp>(Floating{}),
    .gradient = gradient,
    .in_place = true,
    .elementwise = true,
    .samples = {{.shapes = {{3, 7}}, .low = -5, .high = 5},
                {.shapes = {{9}}, .attributes = {{"alpha", 0.5f}, {"beta", 0.25f}}}}};
}  // namespace ops

}  // namespace dormouse::engine
