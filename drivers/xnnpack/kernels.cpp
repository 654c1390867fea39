#include <algorithm>
#include <array>

#include "drivers/xnnpack/kernel.h"
#include "engine/op.h"

namespace dormouse::drivers::xnnpack {

// convolution.cpp, matmul.cpp
extern const Kernel conv, gemm, matmul;
// activation.cpp
extern const Kernel elu, gelu, hard_sigmoid, hard_swish, leaky_relu, swish;
// attention.cpp
extern const Kernel attention;
// elementwise.cpp
extern const Kernel abs, add, clip, div, log, max, min, mul, neg, pow, p_relu, relu, sigmoid, sqrt, sub, sum,
    tanh;
// normalization.cpp
extern const Kernel batch_normalization, layer_normalization;
// pooling.cpp, reduction.cpp
extern const Kernel average_pool, global_average_pool, global_max_pool, max_pool, reduce_mean, reduce_sum,
    softmax;
// dynamic_product.cpp
extern const Kernel dynamic_quantize_matmul;
// quantized_borders.cpp, quantized_products.cpp
extern const Kernel dequantize_linear, q_linear_conv, q_linear_gemm, q_linear_matmul, quantize_linear;
// resize.cpp
extern const Kernel resize;
// selection.cpp
extern const Kernel pad, slice, split;
// shape.cpp
extern const Kernel concat, flatten, identity, reshape, squeeze, transpose, unsqueeze;

std::span<const Kernel* const> all_kernels() {
  static constexpr std::array table{
      &conv,
      &gemm,
      &matmul,
      &elu,
      &gelu,
      &hard_sigmoid,
      &hard_swish,
      &leaky_relu,
      &swish,
      &attention,
      &abs,
      &add,
      &clip,
      &div,
      &log,
      &max,
      &min,
      &mul,
      &neg,
      &pow,
      &p_relu,
      &relu,
      &sigmoid,
      &sqrt,
      &sub,
      &sum,
      &tanh,
      &batch_normalization,
      &layer_normalization,
      &average_pool,
      &global_average_pool,
      &global_max_pool,
      &max_pool,
      &reduce_mean,
      &reduce_sum,
      &softmax,
      &dequantize_linear,
      &dynamic_quantize_matmul,
      &q_linear_conv,
      &q_linear_gemm,
      &q_linear_matmul,
      &quantize_linear,
      &resize,
      &pad,
      &slice,
      &split,
      &concat,
      &flatten,
      &identity,
      &reshape,
      &squeeze,
      &transpose,
      &unsqueeze,
  };
  return table;
}

const Kernel* find_kernel(const engine::Op& op) {
  if (!op.domain.empty() && op.domain != "dormouse") return nullptr;
  const auto found = std::ranges::find(all_kernels(), op.name, &Kernel::op);
  return found == all_kernels().end() ? nullptr : *found;
}

}  // namespace dormouse::drivers::xnnpack
