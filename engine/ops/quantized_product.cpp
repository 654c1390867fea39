#include "engine/ops/quantized_product.h"

#include <algorithm>

namespace dormouse::engine {
namespace {

constexpr IntegerOperands kOperands{.a = 0, .a_zero = 2, .b = 3, .b_zero = 5};
constexpr std::size_t kBias = 8;

/// sums + bias, wrapping around as the sums do; `sums` itself without a bias.
const std::int32_t* with_bias(const KernelContext& context, const std::int32_t* sums,
                              std::vector<std::int32_t>& room) {
  if (!context.has_input(kBias)) return sums;
  const std::span<const std::int32_t> bias = context.in<std::int32_t>(kBias);
  std::transform(bias.begin(), bias.end(), sums, room.begin(), wrapping_sum);
  return room.data();
}

}  // namespace

void infer_quantized_product(InferContext& context) {
  const DType type = context.dtype(7);
  context.require(is_quantized8(type), "the output's zero point is not of i8 or u8");
  std::optional<Shape> shape = infer_integer_product(context, kOperands);
  if (!shape) return context.set_output(0, type);
  const MatrixProduct matrices(context.shape(0), context.shape(3));
  check_scale(context, 1, 2, context.dtype(0), matrices.m);
  check_scale(context, 4, 5, context.dtype(3), matrices.n);
  check_scale(context, 6, 7, type, 1);
  if (context.has_input(kBias)) {
    context.require(context.dtype(kBias) == DType::i32, "the bias is not i32");
    context.require(!context.has_shape(kBias) || context.shape(kBias) == Shape{matrices.n},
                    "the bias is not one for each column");
  }
  set_checked_output(context, 0, type, *std::move(shape));
}

std::size_t quantized_product_scratch(const KernelContext& context) {
  return IntegerProduct(context.shape(0), context.shape(3)).scratch_bytes();
}

void compute_quantized_product(const KernelContext& context) noexcept {
  const IntegerProduct product(context.shape(0), context.shape(3));
  const std::vector<float> a_scale = scales(context, 1), b_scale = scales(context, 4);
  const float y_scale = scales(context, 6)[0];
  const std::int32_t y_zero = zero_points(context, 7)[0];
  const std::int64_t n = product.columns();
  std::vector<float> factors(static_cast<std::size_t>(n));
  std::vector<std::int32_t> room(static_cast<std::size_t>(n));
  product.run(context, kOperands, [&](std::int64_t first, const std::int32_t* sums) {
    for (std::int64_t i = 0; i < product.rows(); ++i) {
      const float row_scale = each_or_all(a_scale, product.row_of_matrix(i));
      for (std::int64_t j = 0; j < n; ++j)
        factors[static_cast<std::size_t>(j)] = row_scale * each_or_all(b_scale, j) / y_scale;
      store_requantized(with_bias(context, sums + i * n, room), n, factors, y_zero, context.outputs[0],
                        first + i * n);
    }
  });
}

std::vector<std::pair<std::size_t, Tensor>> quantized_product_sample(const Tensor& b_scale) {
  return {{0, Tensor::from<std::uint8_t>({2, 2}, {208, 236, 0, 238})},
          {1, Tensor::scalar(0.0066f)},
          {2, Tensor::scalar<std::uint8_t>(113)},
          {3, Tensor::from<std::int8_t>({2, 3}, {-104, 51, 7, 60, 26, 0})},
          {4, b_scale},
          {5, Tensor::scalar<std::int8_t>(14)},
          {6, Tensor::scalar(0.0107f)},
          {7, Tensor::scalar<std::uint8_t>(118)}};
}

}  // namespace dormouse::engine
