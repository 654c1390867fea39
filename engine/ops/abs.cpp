#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Magnitude {
  template <class T>
  T operator()(T x) const {
    if constexpr (std::is_unsigned_v<T>)
      return x;
    else if constexpr (std::is_integral_v<T>)
      return x < 0 ? static_cast<T>(Wrapping<T>{0} - static_cast<Wrapping<T>>(x)) : x;
    else
      return std::fabs(x);
  }
};

// At 0 the derivative is taken as 0.
Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), zero = scalar_like(x, 0), upstream = context.upstream();
  return {where(greater(x, zero), upstream, where(greater(zero, x), -upstream, zero))};
}

}  // namespace

namespace ops {
extern const Op abs{.name = "Abs",
                    .since = 6,
                    .infer = infer_like_input,
                    .kernels = unary_kernels<Magnitude>(Numeric{}),
                    .gradient = gradient,
                    .in_place = true,
                    .elementwise = true,
                    .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
