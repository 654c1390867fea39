#include <numbers>
#include <string>

#include "engine/kernels/exponential.h"
#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

/// The normal distribution's share of x, by erf, or with approximate = "tanh" by
/// ½x(1 + tanh(√(2/π)(x + 0.044715x³))).
struct Gate {
  explicit Gate(const Attributes& attributes)
      : approximate(attributes.get<std::string>("approximate", "none") == "tanh") {}
  bool approximate;
  template <class T>
  T operator()(T x) const {
    constexpr T slope = std::numbers::sqrt2_v<T> * std::numbers::inv_sqrtpi_v<T>;
    if (approximate) return x / 2 * (1 + fast_tanh(slope * (x + static_cast<T>(0.044715) * x * x * x)));
    return x / 2 * (1 + fast_erf(x / std::numbers::sqrt2_v<T>));
  }
};

void infer(InferContext& context) {
  const auto form = context.attributes().get<std::string>("approximate", "none");
  context.require(form == "none" || form == "tanh", "approximate is neither none nor tanh");
  infer_like_input(context);
}

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), square = x * x;
  const double slope = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
  if (Gate(context.attributes()).approximate) {
    const Value bound = tanh((x + square * x * 0.044715) * slope);
    const Value inner = (square * (3 * 0.044715) + 1.0) * slope;
    return {context.upstream() * ((bound + 1.0) + x * (1.0 - bound * bound) * inner) * 0.5};
  }
  const Value below = (apply("Erf", {x * (1 / std::numbers::sqrt2)}) + 1.0) * 0.5;
  return {context.upstream() * (below + x * exp(square * -0.5) * (slope / 2))};
}

}  // namespace

namespace ops {
extern const Op gelu{.name = "Gelu",
                     .since = 20,
                     .infer = infer,
                     .kernels = unary_kernels<Gate>(Floating{}),
                     .gradient = gradient,
                     .in_place = true,
                     .elementwise = true,
                     .samples = {{.shapes = {{3, 7}}},
                                 {.shapes = {{9}}, .attributes = {{"approximate", std::string("tanh")}}}}};
}  // namespace ops

}  // namespace dormouse::engine
