#include "engine/kernels/saturate.h"
#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct TowardsZero {
  explicit TowardsZero(const Attributes& attributes)
      : bias(attributes.get<float>("bias", 0)), lambda(attributes.get<float>("lambd", 0.5f)) {}
  float bias, lambda;
  template <class T>
  T operator()(T x) const {
    // Integers too are compared and moved as real numbers.
    using Real = std::conditional_t<std::is_integral_v<T>, double, T>;
    const Real value = static_cast<Real>(x), by = static_cast<Real>(bias), bound = static_cast<Real>(lambda);
    const Real moved = value < -bound ? value + by : value > bound ? value - by : Real{0};
    if constexpr (std::is_integral_v<T>)
      return saturate<T>(moved);
    else
      return moved;
  }
};

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), upstream = context.upstream(), zero = scalar_like(x, 0);
  const auto lambda = static_cast<double>(TowardsZero(context.attributes()).lambda);
  const Value above = where(greater(x, scalar_like(x, lambda)), upstream, zero);
  return {where(greater(scalar_like(x, -lambda), x), upstream, above)};
}

}  // namespace

namespace ops {
extern const Op shrink{
    .name = "Shrink",
    .since = 9,
    .infer = infer_activation<TowardsZero>,
    .kernels = unary_kernels<TowardsZero>(Numeric{}),
    .gradient = gradient,
    .in_place = true,
    .elementwise = true,
    .samples = {{.shapes = {{3, 7}}}, {.shapes = {{9}}, .attributes = {{"bias", 0.5f}, {"lambd", 1.0f}}}}};
}  // namespace ops

}  // namespace dormouse::engine
