#pragma once

#include "engine/kernels/half.h"
#include "engine/op.h"

/// Lists of element types, and kernels for all of a list.
namespace dormouse::engine {

template <class... T>
struct Types {};

using Floating = Types<float, double, Half, BFloat16>;
using Integral = Types<std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t, std::uint32_t,
                       std::int64_t, std::uint64_t>;
using Numeric = Types<float, double, Half, BFloat16, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t,
                      std::int32_t, std::uint32_t, std::int64_t, std::uint64_t>;

/// What T is computed in: integers wrap around as unsigned ones do.
template <class T>
using Wrapping = std::conditional_t<std::is_floating_point_v<T>, T, std::uint64_t>;

/// One kernel a type: kernels_for(Floating{}, []<class T>() { return compute<T>; }).
template <class... T, class Make>
Kernels kernels_for(Types<T...>, Make make) {
  return {{dtype_of<T>, make.template operator()<T>()}...};
}

/// Runs `kernel`, which knows no halves, on f32 copies of its half-precision inputs and outputs.
void run_widened(Kernel kernel, const KernelContext& context) noexcept;

template <Kernel kernel>
void widened_kernel(const KernelContext& context) noexcept {
  run_widened(kernel, context);
}

/// The kernel for T by way of the one for Widened<T>: widening<T, compute<Widened<T>>>. For kernels whose
/// partial results halves could not hold; element-wise ones widen as they go.
template <class T, Kernel kernel>
inline constexpr Kernel widening = is_half<T> ? widened_kernel<kernel> : kernel;

}  // namespace dormouse::engine
