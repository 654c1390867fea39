#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Negate {
  template <class T>
  T operator()(T x) const {
    return static_cast<T>(Wrapping<T>{0} - static_cast<Wrapping<T>>(x));
  }
};

Gradients gradient(const GradientContext& context) { return {-context.upstream()}; }

}  // namespace

namespace ops {
extern const Op neg{
    .name = "Neg",
    .since = 6,
    .infer = infer_like_input,
    .kernels = unary_kernels<Negate>(
        Types<float, double, Half, BFloat16, std::int8_t, std::int16_t, std::int32_t, std::int64_t>{}),
    .gradient = gradient,
    .in_place = true,
    .elementwise = true,
    .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
