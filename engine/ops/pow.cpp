#include <cmath>

#include "engine/kernels/saturate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/types.h"

namespace dormouse::engine {
namespace {

// The exponent may have another type than the base, whose type the output has.
void infer(InferContext& context) {
  if (context.dtype(1) == DType::boolean) context.unsupported("an exponent that is no number");
  if (!context.has_shape(0) || !context.has_shape(1)) return context.set_output(0, context.dtype(0));
  std::optional<Shape> shape = broadcast(context.shape(0), context.shape(1));
  context.require(shape.has_value(), "shapes do not broadcast");
  set_checked_output(context, 0, context.dtype(0), *std::move(shape));
}

template <class T, class E>
T power(T base, E exponent) {
  if constexpr (std::is_integral_v<T>) {
    return saturate<T>(std::pow(static_cast<double>(base), static_cast<double>(widen(exponent))));
  } else {
    const auto power = static_cast<T>(widen(exponent));
    return power == 2 ? base * base : std::pow(base, power);
  }
}

template <class T, class E>
void compute_with(const KernelContext& context) noexcept {
  const Shape& shape = context.output_shape(0);
  const StridedLoop<3> loop(shape, {strides(shape), broadcast_strides(context.shape(0), shape),
                                    broadcast_strides(context.shape(1), shape)});
  loop.rows([&](std::int64_t length, const auto& offset, const auto& step) {
    T* const out = context.out<T>(0).data() + offset[0];
    const T* const base = context.in<T>(0).data() + offset[1];
    const E* const exponent = context.in<E>(1).data() + offset[2];
    for (std::int64_t i = 0; i < length; ++i) out[i] = power(base[i * step[1]], exponent[i * step[2]]);
  });
}

template <class T>
void compute(const KernelContext& context) noexcept {
  [&]<class... E>(Types<E...>) {
    ((context.inputs[1].dtype == dtype_of<E> ? compute_with<T, E>(context) : void()), ...);
  }(Numeric{});
}

// For the exponent, log is taken where the base is positive; elsewhere its gradient is 0.
Gradients gradient(const GradientContext& context) {
  const Value a = context.input(0), upstream = context.upstream();
  const bool differs = context.input(1).dtype() != a.dtype();
  const Value b = differs ? cast(context.input(1), a.dtype()) : context.input(1);
  const Value da = sum_to(upstream * b * apply("Pow", {a, b + -1.0}), a);
  if (differs) return {da};
  const Value positive = greater(a, scalar_like(a, 0));
  const Value logarithm = where(positive, log(where(positive, a, scalar_like(a, 1))), scalar_like(a, 0));
  return {da, sum_to(upstream * context.output(0) * logarithm, b)};
}

}  // namespace

namespace ops {
extern const Op pow{.name = "Pow",
                    .since = 7,
                    .min_inputs = 2,
                    .max_inputs = 2,
                    .infer = infer,
                    .kernels = kernels_for(Types<float, double, Half, BFloat16, std::int32_t, std::int64_t>{},
                                           []<class T>() { return widening<T, compute<Widened<T>>>; }),
                    .gradient = gradient,
                    .in_place = true,
                    .samples = {{.shapes = {{2, 3}, {2, 3}}, .low = 0.5},
                                {.shapes = {{4, 3}, {}}, .fixed = {{1, Tensor::scalar<std::int64_t>(3)}}},
                                {.shapes = {{3, 1}, {4}}, .low = 0.5}}};
}  // namespace ops

}  // namespace dormouse::engine
