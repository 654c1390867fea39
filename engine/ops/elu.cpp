#include <algorithm>

#include "engine/kernels/exponential.h"
#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct ExponentialUnit {
  explicit ExponentialUnit(const Attributes& attributes) : alpha(attributes.get<float>("alpha", 1)) {}
  float alpha;
  template <class T>
  T operator()(T x) const {
    const T below = static_cast<T>(alpha) * fast_expm1(std::min(x, T{0}));
    return x > 0 ? x : below;
  }
};

// Below 0, where y = alpha · (eˣ - 1), y' = y + alpha.
Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), upstream = context.upstream();
  const auto alpha = static_cast<double>(ExponentialUnit(context.attributes()).alpha);
  return {where(greater(x, scalar_like(x, 0)), upstream, upstream * (context.output(0) + alpha))};
}

}  // namespace

namespace ops {
extern const Op elu{.name = "Elu",
                    .since = 6,
                    .infer = infer_activation<ExponentialUnit>,
                    .kernels = unary_kernels<ExponentialUnit>(Floating{}),
                    .gradient = gradient,
                    .in_place = true,
                    .elementwise = true,
                    .samples = {{.shapes = {{3, 7}}}, {.shapes = {{9}}, .attributes = {{"alpha", 0.25f}}}}};
}  // namespace ops

}  // namespace dormouse::engine
