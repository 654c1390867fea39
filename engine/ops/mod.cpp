#include <cmath>

#include "engine/ops/casting.h"
#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

/// The remainder with the sign of the divisor (Python's), or with fmod = 1 of the dividend (C's).
struct Remainder {
  explicit Remainder(const Attributes& attributes) : truncated(attributes.integer("fmod", 0) != 0) {}
  bool truncated;
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      // What ONNX leaves undefined must not trap: the remainder of division by 0 is 0.
      if (b == 0 || (std::is_signed_v<T> && b == static_cast<T>(-1))) return 0;
      const T rest = static_cast<T>(a % b);
      const bool other_sign = rest != 0 && (rest < 0) != (b < 0);
      return !truncated && other_sign ? static_cast<T>(rest + b) : rest;
    } else {
      return std::fmod(a, b);
    }
  }
};

void infer(InferContext& context) {
  const Remainder f(context.attributes());
  context.require(f.truncated || !is_floating(context.dtype(0)), "floating-point remainders need fmod = 1");
  infer_broadcast(context);
}

// y = a - b · trunc(a / b).
Gradients gradient(const GradientContext& context) {
  const Value a = context.input(0), b = context.input(1), upstream = context.upstream();
  return {sum_to(upstream, a), sum_to(upstream * (context.output(0) - a) / b, b)};
}

Attributes as_c() { return {{"fmod", std::int64_t{1}}}; }

}  // namespace

namespace ops {
extern const Op mod{.name = "Mod",
                    .since = 10,
                    .min_inputs = 2,
                    .max_inputs = 2,
                    .infer = infer,
                    .kernels = binary_kernels<Remainder>(Numeric{}),
                    .gradient = gradient,
                    .in_place = true,
                    .elementwise = true,
                    .samples = {{.shapes = {{2, 3}, {2, 3}}, .attributes = as_c(), .low = 0.5},
                                {.shapes = {{4, 1, 3}, {5, 1}}, .attributes = as_c(), .low = 0.5}}};
}  // namespace ops

}  // namespace dormouse::engine
