#pragma once

#include <cstdint>
#include <type_traits>

#include "engine/kernels/curves.h"
#include "engine/kernels/strided.h"
#include "engine/op.h"
#include "engine/ops/inference.h"
#include "engine/ops/types.h"

/// What element-wise operators share: their shape rules and their loops. Each operator is the function
/// applied.
namespace dormouse::engine {

/// The output is like input 0.
void infer_like_input(InferContext& context);
/// Inputs of one type, broadcast together; the output is of that type.
void infer_broadcast(InferContext& context);
/// The same with a boolean output.
void infer_comparison(InferContext& context);
/// A boolean output like input 0.
void infer_predicate(InferContext& context);

/// An operator's function, made from its attributes when it has any (f32 in ONNX: F converts them).
template <class F>
F function_of(const Attributes& attributes) {
  if constexpr (std::is_constructible_v<F, const Attributes&>)
    return F(attributes);
  else
    return F{};
}

/// infer_like_input() for a function that has attributes: refuses those of a wrong type.
template <class F>
void infer_activation(InferContext& context) {
  static_cast<void>(F(context.attributes()));
  infer_like_input(context);
}

template <class F, class T, class R = T>
void unary_kernel(const KernelContext& context) noexcept {
  const F f = function_of<F>(context.attributes);
  const std::span<const T> in = context.in<T>(0);
  const std::span<R> out = context.out<R>(0);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = narrow<R>(f(widen(in[i])));
}

/// out = f(a, b), both broadcast to out's shape. `out` may be `a` when their shapes agree.
template <class F, class T, class R>
void broadcast_into(F f, const T* a, const Shape& a_shape, const T* b, const Shape& b_shape, R* out,
                    const Shape& shape) noexcept {
  const StridedLoop<3> loop(
      shape, {strides(shape), broadcast_strides(a_shape, shape), broadcast_strides(b_shape, shape)});
  loop.rows([&](std::int64_t length, const auto& offset, const auto& step) {
    R* const to = out + offset[0];
    const T* const x = a + offset[1];
    const T* const y = b + offset[2];
    if (step[1] == 1 && step[2] == 1) {
      for (std::int64_t i = 0; i < length; ++i) to[i] = narrow<R>(f(widen(x[i]), widen(y[i])));
    } else if (step[1] == 1) {
      const Widened<T> right = widen(*y);
      for (std::int64_t i = 0; i < length; ++i) to[i] = narrow<R>(f(widen(x[i]), right));
    } else {
      const Widened<T> left = widen(*x);
      for (std::int64_t i = 0; i < length; ++i) to[i] = narrow<R>(f(left, widen(y[i * step[2]])));
    }
  });
}

template <class F, class T, class R = T>
void binary_kernel(const KernelContext& context) noexcept {
  broadcast_into(function_of<F>(context.attributes), context.in<T>(0).data(), context.shape(0),
                 context.in<T>(1).data(), context.shape(1), context.out<R>(0).data(),
                 context.output_shape(0));
}

/// Any number of inputs folded from the left: Max, Min, Sum.
template <class F, class T>
void variadic_kernel(const KernelContext& context) noexcept {
  const Shape& shape = context.output_shape(0);
  T* const out = context.out<T>(0).data();
  const Shape& left = context.shape(0);
  StridedLoop<2>(shape, {strides(shape), broadcast_strides(left, shape)})
      .rows([&](std::int64_t length, const auto& offset, const auto& step) {
        const T* const from = context.in<T>(0).data() + offset[1];
        for (std::int64_t i = 0; i < length; ++i) out[offset[0] + i] = from[i * step[1]];
      });
  for (std::size_t i = 1; i < context.inputs.size(); ++i)
    broadcast_into(F{}, out, shape, context.in<T>(i).data(), context.shape(i), out, shape);
}

/// F by way of the curve of that name: curve_kernel<&Curves::exp>.
template <Curves::Curve* Curves::*curve>
void curve_kernel(const KernelContext& context) noexcept {
  const std::span<float> out = context.out<float>(0);
  (best_curves().*curve)(context.in<float>(0).data(), out.data(), static_cast<std::int64_t>(out.size()));
}

/// Kernels of the function F for a list of types: unary_kernels<F>(Floating{}).
template <class F, class List>
Kernels unary_kernels(List list) {
  return kernels_for(list, []<class T>() { return unary_kernel<F, T>; });
}

/// The same with a curve for f32.
template <class F, Curves::Curve* Curves::*curve, class List>
Kernels curve_kernels(List list) {
  return kernels_for(list, []<class T>() {
    if constexpr (std::is_same_v<T, float>)
      return curve_kernel<curve>;
    else
      return unary_kernel<F, T>;
  });
}

template <class F, class List>
Kernels binary_kernels(List list) {
  return kernels_for(list, []<class T>() { return binary_kernel<F, T>; });
}

template <class F, class List>
Kernels variadic_kernels(List list) {
  return kernels_for(list, []<class T>() { return variadic_kernel<F, T>; });
}

/// Predicates and comparisons write booleans, as bytes that are 0 or 1.
template <class F, class List>
Kernels predicate_kernels(List list) {
  return kernels_for(list, []<class T>() { return unary_kernel<F, T, std::uint8_t>; });
}

template <class F, class List>
Kernels comparison_kernels(List list) {
  return kernels_for(list, []<class T>() { return binary_kernel<F, T, std::uint8_t>; });
}

/// The gradient of what is constant but for steps (Floor, Sign): no change arrives at the input.
Gradients flat_gradient(const GradientContext& context);

/// What conformance runs every element-wise function of one input on.
std::vector<Sample> unary_samples(double low = -2, double high = 2);

}  // namespace dormouse::engine
