#pragma once

#include <cstdint>
#include <type_traits>

#include "engine/kernels/strided.h"
#include "engine/op.h"
#include "engine/ops/inference.h"

/// What element-wise operators share: their shape rules and their loops. Each operator is the function
/// applied.
namespace dormouse::engine {

/// The output is like input 0.
void infer_like_input(InferContext& context);
/// Inputs of one type, broadcast together; the output is of that type.
void infer_broadcast(InferContext& context);
/// The same with a boolean output.
void infer_comparison(InferContext& context);

/// What T is computed in: integers wrap around as unsigned ones do.
template <class T>
using Wrapping = std::conditional_t<std::is_floating_point_v<T>, T, std::uint64_t>;

template <class F, class T>
void unary_kernel(const KernelContext& context) noexcept {
  const std::span<const T> in = context.in<T>(0);
  const std::span<T> out = context.out<T>(0);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = F{}(in[i]);
}

/// out = F(a, b), both broadcast to out's shape. `out` may be `a` when their shapes agree.
template <class F, class T, class R>
void broadcast_into(const T* a, const Shape& a_shape, const T* b, const Shape& b_shape, R* out,
                    const Shape& shape) noexcept {
  const StridedLoop<3> loop(
      shape, {strides(shape), broadcast_strides(a_shape, shape), broadcast_strides(b_shape, shape)});
  loop.rows([&](std::int64_t length, const auto& offset, const auto& step) {
    R* const to = out + offset[0];
    const T* const x = a + offset[1];
    const T* const y = b + offset[2];
    if (step[1] == 1 && step[2] == 1) {
      for (std::int64_t i = 0; i < length; ++i) to[i] = F{}(x[i], y[i]);
    } else if (step[1] == 1) {
      const T right = *y;
      for (std::int64_t i = 0; i < length; ++i) to[i] = F{}(x[i], right);
    } else {
      const T left = *x;
      for (std::int64_t i = 0; i < length; ++i) to[i] = F{}(left, y[i * step[2]]);
    }
  });
}

template <class F, class T, class R = T>
void binary_kernel(const KernelContext& context) noexcept {
  broadcast_into<F>(context.in<T>(0).data(), context.shape(0), context.in<T>(1).data(), context.shape(1),
                    context.out<R>(0).data(), context.output_shape(0));
}

/// Two or more inputs folded from the left: Max, Min.
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
    broadcast_into<F>(out, shape, context.in<T>(i).data(), context.shape(i), out, shape);
}

template <class F, class... T>
Kernels unary_kernels() {
  return kernels<T...>(unary_kernel<F, T>...);
}

template <class F, class... T>
Kernels binary_kernels() {
  return kernels<T...>(binary_kernel<F, T>...);
}

/// F for every floating and integer type.
template <class F>
Kernels arithmetic_kernels() {
  return binary_kernels<F, float, double, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t,
                        std::int32_t, std::uint32_t, std::int64_t, std::uint64_t>();
}

/// Comparisons write booleans, as bytes that are 0 or 1.
template <class F, class... T>
Kernels comparison_kernels_of() {
  return kernels<T...>(binary_kernel<F, T, std::uint8_t>...);
}

template <class F>
Kernels comparison_kernels() {
  return comparison_kernels_of<F, float, double, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t,
                               std::int32_t, std::uint32_t, std::int64_t, std::uint64_t>();
}

}  // namespace dormouse::engine
