#include <algorithm>

#include "engine/kernels/exponential.h"
#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct ScaledExponentialUnit {
  explicit ScaledExponentialUnit(const Attributes& attributes)
      : alpha(attributes.get<float>("alpha", 1.67326319217681884765625f)),
        gamma(attributes.get<float>("gamma", 1.05070102214813232421875f)) {}
  float alpha, gamma;
  template <class T>
  T operator()(T x) const {
    const T scale = static_cast<T>(gamma);
    const T below = static_cast<T>(alpha) * fast_expm1(std::min(x, T{0}));
    return scale * (x > 0 ? x : below);
  }
};

// Below 0, where y = gamma · alpha · (eˣ - 1), y' = y + gamma · alpha.
Gradients gradient(const GradientContext& context) {
  const ScaledExponentialUnit f(context.attributes());
  const Value x = context.input(0), upstream = context.upstream();
  const auto scale = static_cast<double>(f.gamma);
  const Value below = context.output(0) + scale * static_cast<double>(f.alpha);
  return {where(greater(x, scalar_like(x, 0)), upstream * scale, upstream * below)};
}

}  // namespace

namespace ops {
extern const Op selu{
    .name = "Selu",
    .since = 6,
    .infer = infer_activation<ScaledExponentialUnit>,
    .kernels = unary_kernels<ScaledExponentialUnit>(Floating{}),
    .gradient = gradient,
    .in_place = true,
    .elementwise = true,
    .samples = {{.shapes = {{3, 7}}}, {.shapes = {{9}}, .attributes = {{"alpha", 0.5f}, {"gamma", 2.0f}}}}};
}  // namespace ops

}  // namespace dormouse::engine
