#pragma once

#include "engine/ops/integer_product.h"

/// What QLinearMatMul and QLinearGemm share: inputs (a, scale, zero point, b, scale, zero point, y's scale,
/// y's zero point), and of QLinearGemm a bias for each column, in units of a's scale times b's.
namespace dormouse::engine {

void infer_quantized_product(InferContext& context);
std::size_t quantized_product_scratch(const KernelContext& context);
void compute_quantized_product(const KernelContext& context) noexcept;

/// Operands of a sample: a [2, 2], b [2, 3].
std::vector<std::pair<std::size_t, Tensor>> quantized_product_sample(const Tensor& b_scale);

}  // namespace dormouse::engine
