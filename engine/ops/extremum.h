#pragma once

#include "engine/ops/elementwise.h"

/// What Max and Min share.
namespace dormouse::engine {

template <class F>
Kernels extremum_kernels() {
  return kernels<float, double, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t,
                 std::uint32_t, std::int64_t, std::uint64_t>(
      variadic_kernel<F, float>, variadic_kernel<F, double>, variadic_kernel<F, std::int8_t>,
      variadic_kernel<F, std::uint8_t>, variadic_kernel<F, std::int16_t>, variadic_kernel<F, std::uint16_t>,
      variadic_kernel<F, std::int32_t>, variadic_kernel<F, std::uint32_t>, variadic_kernel<F, std::int64_t>,
      variadic_kernel<F, std::uint64_t>);
}

/// The inputs that equal the output share what arrives.
Gradients extremum_gradient(const GradientContext& context);

}  // namespace dormouse::engine
