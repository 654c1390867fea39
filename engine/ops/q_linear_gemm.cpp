#include "engine/ops/quantized_product.h"

/// QLinearGemm: QLinearMatMul plus a bias for each column. ONNX writes it as Gemm, or MatMul and Add, between
/// DequantizeLinear and QuantizeLinear.
namespace dormouse::engine {
namespace {

std::vector<std::pair<std::size_t, Tensor>> sample() {
  auto result = quantized_product_sample(Tensor::from<float>({3}, {0.007f, 0.05f, 1}));
  result.emplace_back(8, Tensor::from<std::int32_t>({3}, {1000, -20000, 7}));
  return result;
}

}  // namespace

namespace ops {
extern const Op q_linear_gemm{
    .name = "QLinearGemm",
    .domain = "dormouse",
    .min_inputs = 9,
    .max_inputs = 9,
    .infer = infer_quantized_product,
    .kernels = {{DType::u8, compute_quantized_product}, {DType::i8, compute_quantized_product}},
    .scratch = quantized_product_scratch,
    .samples = {{.shapes = {{2, 2}, {}, {}, {2, 3}, {3}, {}, {}, {}, {3}}, .fixed = sample()}}};
}  // namespace ops

}  // namespace dormouse::engine
