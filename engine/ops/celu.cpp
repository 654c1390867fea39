#include <algorithm>

#include "engine/kernels/exponential.h"
#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct ContinuousExponentialUnit {
  explicit ContinuousExponentialUnit(const Attributes& attributes)
      : alpha(attributes.get<float>("alpha", 1)) {}
  float alpha;
  template <class T>
  T operator()(T x) const {
    const T a = static_cast<T>(alpha);
    const T below = a * fast_expm1(std::min(x / a, T{0}));
    return x > 0 ? x : below;
  }
};

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), upstream = context.upstream();
  const auto alpha = static_cast<double>(ContinuousExponentialUnit(context.attributes()).alpha);
  return {where(greater(x, scalar_like(x, 0)), upstream, upstream * exp(x * (1 / alpha)))};
}

}  // namespace

namespace ops {
extern const Op celu{.name = "Celu",
                     .since = 12,
                     .infer = infer_activation<ContinuousExponentialUnit>,
                     .kernels = unary_kernels<ContinuousExponentialUnit>(Floating{}),
                     .gradient = gradient,
                     .in_place = true,
                     .elementwise = true,
                     .samples = {{.shapes = {{3, 7}}}, {.shapes = {{9}}, .attributes = {{"alpha", 0.5f}}}}};
}  // namespace ops

}  // namespace dormouse::engine
