#include <algorithm>
#include <array>

#include "drivers/xnnpack/kernel.h"
#include "engine/op.h"

namespace dormouse::drivers::xnnpack {

// convolution.cpp, matmul.cpp
extern const Kernel conv, gemm, matmul;
// elementwise.cpp
extern const Kernel abs, add, clip, div, exp, log, max, min, mul, neg, relu, sigmoid, sqrt, sub, tanh;
// pooling.cpp, reduction.cpp
extern const Kernel average_pool, global_average_pool, max_pool, reduce_mean, reduce_sum, softmax;
// quantized_borders.cpp, quantized_products.cpp
extern const Kernel dequantize_linear, q_linear_conv, q_linear_gemm, q_linear_matmul, quantize_linear;
// shape.cpp
extern const Kernel concat, flatten, reshape, squeeze, transpose, unsqueeze;

std::span<const Kernel* const> all_kernels() {
  static constexpr std::array table{
      &conv,
      &gemm,
      &matmul,
      &abs,
      &add,
      &clip,
      &div,
      &exp,
      &log,
      &max,
      &min,
      &mul,
      &neg,
      &relu,
      &sigmoid,
      &sqrt,
      &sub,
      &tanh,
      &average_pool,
      &global_average_pool,
      &max_pool,
      &reduce_mean,
      &reduce_sum,
      &softmax,
      &concat,
      &flatten,
      &reshape,
      &squeeze,
      &transpose,
      &unsqueeze,
      &dequantize_linear,
      &q_linear_conv,
      &q_linear_gemm,
      &q_linear_matmul,
      &quantize_linear,
  };
  return table;
}

const Kernel* find_kernel(const engine::Op& op) {
  if (!op.domain.empty() && op.domain != "dormouse") return nullptr;
  const auto found = std::ranges::find(all_kernels(), op.name, &Kernel::op);
  return found == all_kernels().end() ? nullptr : *found;
}

}  // namespace dormouse::drivers::xnnpack
