#include "engine/ops/quantized_product.h"

/// QLinearMatMul: the product of quantised matrices, quantised.
namespace dormouse::engine {
namespace ops {
extern const Op q_linear_matmul{
    .name = "QLinearMatMul",
    .since = 10,
    .min_inputs = 8,
    .max_inputs = 8,
    .infer = infer_quantized_product,
    .kernels = {{DType::u8, compute_quantized_product}, {DType::i8, compute_quantized_product}},
    .scratch = quantized_product_scratch,
    .samples = {{.shapes = {{2, 2}, {}, {}, {2, 3}, {}, {}, {}, {}},
                 .fixed = quantized_product_sample(Tensor::scalar(0.00705f))},
                {.shapes = {{2, 2}, {}, {}, {2, 3}, {3}, {}, {}, {}},
                 .fixed = quantized_product_sample(Tensor::from<float>({3}, {0.007f, 0.05f, 1}))}}};
}  // namespace ops

}  // namespace dormouse::engine
