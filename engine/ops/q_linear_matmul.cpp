#include "engine/ops/integer_product.h"

/// QLinearMatMul(a, scale, zero point, b, scale, zero point, y's scale, y's zero point): the product of
/// quantised matrices, quantised.
namespace dormouse::engine {
namespace {

constexpr IntegerOperands kOperands{.a = 0, .a_zero = 2, .b = 3, .b_zero = 5};

void infer(InferContext& context) {
  const DType type = context.dtype(7);
  context.require(is_quantized8(type), "the output's zero point is not of i8 or u8");
  std::optional<Shape> shape = infer_integer_product(context, kOperands);
  if (!shape) return context.set_output(0, type);
  const MatrixProduct matrices(context.shape(0), context.shape(3));
  check_scale(context, 1, 2, context.dtype(0), matrices.m);
  check_scale(context, 4, 5, context.dtype(3), matrices.n);
  check_scale(context, 6, 7, type, 1);
  set_checked_output(context, 0, type, *std::move(shape));
}

std::size_t scratch(const KernelContext& context) {
  return IntegerProduct(context.shape(0), context.shape(3)).scratch_bytes();
}

void compute(const KernelContext& context) noexcept {
  const IntegerProduct product(context.shape(0), context.shape(3));
  const std::vector<float> a_scale = scales(context, 1), b_scale = scales(context, 4);
  const float y_scale = scales(context, 6)[0];
  const std::int32_t y_zero = zero_points(context, 7)[0];
  const std::int64_t n = product.columns();
  product.run(context, kOperands, [&](std::int64_t first, const std::int32_t* sums) {
    for (std::int64_t i = 0; i < product.rows(); ++i) {
      const float row_scale = each_or_all(a_scale, product.row_of_matrix(i));
      const std::int32_t* const row = sums + i * n;
      if (b_scale.size() == 1) {
        store_requantized(row, n, row_scale * b_scale[0] / y_scale, y_zero, context.outputs[0],
                          first + i * n);
        continue;
      }
      for (std::int64_t j = 0; j < n; ++j)
        store_requantized(row + j, 1, row_scale * each_or_all(b_scale, j) / y_scale, y_zero,
                          context.outputs[0], first + i * n + j);
    }
  });
}

std::vector<std::pair<std::size_t, Tensor>> operands(const Tensor& b_scale) {
  return {{0, Tensor::from<std::uint8_t>({2, 2}, {208, 236, 0, 238})},
          {1, Tensor::scalar(0.0066f)},
          {2, Tensor::scalar<std::uint8_t>(113)},
          {3, Tensor::from<std::int8_t>({2, 3}, {-104, 51, 7, 60, 26, 0})},
          {4, b_scale},
          {5, Tensor::scalar<std::int8_t>(14)},
          {6, Tensor::scalar(0.0107f)},
          {7, Tensor::scalar<std::uint8_t>(118)}};
}

}  // namespace

namespace ops {
extern const Op q_linear_matmul{
    .name = "QLinearMatMul",
    .since = 10,
    .min_inputs = 8,
    .max_inputs = 8,
    .infer = infer,
    .kernels = {{DType::u8, compute}, {DType::i8, compute}},
    .scratch = scratch,
    .samples = {
        {.shapes = {{2, 2}, {}, {}, {2, 3}, {}, {}, {}, {}}, .fixed = operands(Tensor::scalar(0.00705f))},
        {.shapes = {{2, 2}, {}, {}, {2, 3}, {3}, {}, {}, {}},
         .fixed = operands(Tensor::from<float>({3}, {0.007f, 0.05f, 1}))}}};
}  // namespace ops

}  // namespace dormouse::engine
