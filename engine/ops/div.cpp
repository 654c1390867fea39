#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Quotient {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      // What ONNX leaves undefined must not trap: x / 0 is 0, and the lowest integer / -1 wraps around.
      if (b == 0) return 0;
      if (std::is_signed_v<T> && b == static_cast<T>(-1))
        return static_cast<T>(Wrapping<T>{0} - static_cast<Wrapping<T>>(a));
    }
    return static_cast<T>(a / b);
  }
};

Gradients gradient(const GradientContext& context) {
  const Value a = context.input(0), b = context.input(1), upstream = context.upstream();
  return {sum_to(upstream / b, a), sum_to(-upstream * context.output(0) / b, b)};
}

}  // namespace

namespace ops {
extern const Op div{.name = "Div",
                    .since = 7,
                    .min_inputs = 2,
                    .max_inputs = 2,
                    .infer = infer_broadcast,
                    .kernels = binary_kernels<Quotient>(Numeric{}),
                    .gradient = gradient,
                    .in_place = true,
                    .elementwise = true,
                    .samples = {{.shapes = {{2, 3}, {2, 3}}, .low = 0.5},
                                {.shapes = {{4, 1, 3}, {5, 1}}, .low = 0.5},
                                {.shapes = {{}, {2, 2}}, .low = 0.5}}};
}  // namespace ops

}  // namespace dormouse::engine
