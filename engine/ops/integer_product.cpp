#include "engine/ops/integer_product.h"

#include "engine/kernels/integer_gemm.h"

namespace dormouse::engine {
namespace {

std::size_t aligned(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

IntegerProduct::IntegerProduct(const Shape& a, const Shape& b)
    : matrices_(a, b),
      stacked_(matrices_.right_batch.elements() == 1),
      m_(matrices_.m),
      rows_(stacked_ ? matrices_.left_batch.elements() * m_ : m_),
      n_(matrices_.n),
      k_(matrices_.k) {}

std::size_t IntegerProduct::scratch_bytes() const {
  const auto bytes = [](std::int64_t count, std::size_t each) {
    return aligned(static_cast<std::size_t>(count) * each);
  };
  return bytes(rows_ * k_, sizeof(std::int16_t)) + bytes(n_ * k_, sizeof(std::int16_t)) +
         bytes(rows_ * n_, sizeof(std::int32_t));
}

const std::int32_t* IntegerProduct::multiply(const KernelContext& context, IntegerOperands operands,
                                             std::int64_t first, std::int64_t second) const {
  auto* const left = reinterpret_cast<std::int16_t*>(context.scratch.data());
  auto* const right = left + aligned(static_cast<std::size_t>(rows_ * k_) * 2) / 2;
  auto* const sums =
      reinterpret_cast<std::int32_t*>(right + aligned(static_cast<std::size_t>(n_ * k_) * 2) / 2);
  const std::vector<std::int32_t> a_zero = zero_points(context, operands.a_zero),
                                  b_zero = zero_points(context, operands.b_zero);
  for (std::int64_t i = 0; i < rows_; ++i)
    load_centred(context.inputs[operands.a], first * m_ * k_ + i * k_, 1, k_, each_or_all(a_zero, i % m_),
                 left + i * k_);
  for (std::int64_t j = 0; j < n_; ++j)
    load_centred(context.inputs[operands.b], second * k_ * n_ + j, n_, k_, each_or_all(b_zero, j),
                 right + j * k_);
  integer_gemm(rows_, n_, k_, left, right, sums, n_);
  return sums;
}

std::optional<Shape> infer_integer_product(const InferContext& context, IntegerOperands operands) {
  const auto [a, a_zero, b, b_zero] = operands;
  for (const std::size_t i : {a, b})
    context.require(is_quantized8(context.dtype(i)), "the matrices are not of i8 or u8");
  context.require(!context.has_input(a_zero) || context.dtype(a_zero) == context.dtype(a),
                  "the left zero point is not of its matrix's type");
  context.require(!context.has_input(b_zero) || context.dtype(b_zero) == context.dtype(b),
                  "the right zero point is not of its matrix's type");
  if (!context.has_shape(a) || !context.has_shape(b)) return std::nullopt;
  Shape shape = infer_matrix_product(context, context.shape(a), context.shape(b));
  const MatrixProduct matrices(context.shape(a), context.shape(b));
  require_one_or_each(context, a_zero, matrices.m, "the left zero point");
  require_one_or_each(context, b_zero, matrices.n, "the right zero point");
  return shape;
}

}  // namespace dormouse::engine
