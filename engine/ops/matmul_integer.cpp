#include <algorithm>

#include "engine/ops/integer_product.h"

/// MatMulInteger(a, b, zero point of a, of b): the product of 8-bit matrices, as i32.
namespace dormouse::engine {
namespace {

constexpr IntegerOperands kOperands{.a = 0, .a_zero = 2, .b = 1, .b_zero = 3};

void infer(InferContext& context) {
  std::optional<Shape> shape = infer_integer_product(context, kOperands);
  if (!shape) return context.set_output(0, DType::i32);
  set_checked_output(context, 0, DType::i32, *std::move(shape));
}

std::size_t scratch(const KernelContext& context) {
  return IntegerProduct(context.shape(0), context.shape(1)).scratch_bytes();
}

void compute(const KernelContext& context) noexcept {
  const IntegerProduct product(context.shape(0), context.shape(1));
  std::int32_t* const y = context.out<std::int32_t>(0).data();
  product.run(context, kOperands, [&](std::int64_t first, const std::int32_t* sums) {
    std::copy_n(sums, product.rows() * product.columns(), y + first);
  });
}

}  // namespace

namespace ops {
extern const Op matmul_integer{
    .name = "MatMulInteger",
    .since = 10,
    .min_inputs = 2,
    .max_inputs = 4,
    .infer = infer,
    .kernels = {{DType::u8, compute}, {DType::i8, compute}},
    .scratch = scratch,
    .samples = {{.shapes = {{2, 3}, {3, 2}, {}, {}},
                 .fixed = {{0, Tensor::from<std::uint8_t>({2, 3}, {11, 7, 3, 10, 6, 255})},
                           {1, Tensor::from<std::uint8_t>({3, 2}, {1, 4, 2, 5, 3, 6})},
                           {2, Tensor::scalar<std::uint8_t>(12)},
                           {3, Tensor::scalar<std::uint8_t>(0)}}},
                {.shapes = {{2, 1, 3}, {3, 2}, {1}, {2}},
                 .fixed = {{0, Tensor::from<std::int8_t>({2, 1, 3}, {-128, 7, 3, 10, -6, 2})},
                           {1, Tensor::from<std::uint8_t>({3, 2}, {1, 4, 2, 5, 3, 200})},
                           {2, Tensor::from<std::int8_t>({1}, {-3})},
                           {3, Tensor::from<std::uint8_t>({2}, {128, 0})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
