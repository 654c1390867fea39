#include <limits>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

// Bounds are inputs 1 and 2, or before opset 11 the attributes min and max; each may be missing.
void infer(InferContext& context) {
  check_attribute<float>(context, "min");
  check_attribute<float>(context, "max");
  for (std::size_t i = 1; i < context.inputs(); ++i) {
    if (!context.has_input(i)) continue;
    context.require(context.dtype(i) == context.dtype(0), "a bound differs from the input in type");
    if (!context.has_shape(i)) continue;
    const Shape& bound = context.shape(i);
    context.require(bound.rank() == 0 || bound == Shape{1}, "a bound is not a scalar");
  }
  infer_like_input(context);
}

template <class T>
T bound(const KernelContext& context, std::size_t i, std::string_view attribute, T none) {
  if (context.has_input(i)) return context.in<T>(i)[0];
  const float* const given = context.attributes.find<float>(attribute);
  return given != nullptr && std::is_floating_point_v<T> ? static_cast<T>(*given) : none;
}

template <class T>
void compute(const KernelContext& context) noexcept {
  using Limits = std::numeric_limits<T>;
  const T low = bound<T>(context, 1, "min", Limits::has_infinity ? -Limits::infinity() : Limits::lowest());
  const T high = bound<T>(context, 2, "max", Limits::has_infinity ? Limits::infinity() : Limits::max());
  const std::span<const T> in = context.in<T>(0);
  const std::span<T> out = context.out<T>(0);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const T raised = in[i] < low ? low : in[i];
    out[i] = raised > high ? high : raised;
  }
}

// y = min(max(x, low), high): what arrives goes to whichever of the three y is.
Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), zero = scalar_like(x, 0);
  const auto bound = [&](std::size_t i, std::string_view attribute) {
    if (context.has_input(i)) return context.input(i);
    const float* const given = context.attributes().find<float>(attribute);
    return given != nullptr ? scalar_like(x, static_cast<double>(*given)) : Value{};
  };
  const Value low = bound(1, "min"), high = bound(2, "max");
  Gradients result{context.upstream(), Value{}, Value{}};
  if (high) {
    const Value above = greater(low ? apply("Max", {x, low}) : x, high);
    if (context.has_input(2)) result[2] = sum_to(where(above, result[0], zero), high);
    result[0] = where(above, zero, result[0]);
  }
  if (low) {
    const Value below = greater(low, x);
    if (context.has_input(1)) result[1] = sum_to(where(below, result[0], zero), low);
    result[0] = where(below, zero, result[0]);
  }
  return result;
}

Sample between(float low, float high) {
  return {.shapes = {{3, 7}}, .attributes = {{"min", low}, {"max", high}}};
}

}  // namespace

namespace ops {
extern const Op clip{.name = "Clip",
                     .since = 6,
                     .max_inputs = 3,
                     .infer = infer,
                     .kernels = kernels<float, double, std::int8_t, std::uint8_t, std::int32_t, std::int64_t>(
                         compute<float>, compute<double>, compute<std::int8_t>, compute<std::uint8_t>,
                         compute<std::int32_t>, compute<std::int64_t>),
                     .gradient = gradient,
                     .in_place = true,
                     .elementwise = true,
                     .samples = {between(-0.5f, 1), {.shapes = {{40}, {}, {}}}, {.shapes = {{2, 3}}}}};
}  // namespace ops

}  // namespace dormouse::engine
