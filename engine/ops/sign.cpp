#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Signum {
  template <class T>
  T operator()(T x) const {
    if constexpr (std::is_unsigned_v<T>)
      return static_cast<T>(x != 0);
    else if constexpr (std::is_integral_v<T>)
      return static_cast<T>((x > 0) - (x < 0));
    else
      return x > 0 ? T{1} : x < 0 ? T{-1} : x;  // 0 and NaN stay
  }
};

}  // namespace

namespace ops {
extern const Op sign{.name = "Sign",
                     .since = 9,
                     .infer = infer_like_input,
                     .kernels = unary_kernels<Signum>(Numeric{}),
                     .gradient = flat_gradient,
                     .in_place = true,
                     .elementwise = true,
                     .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
