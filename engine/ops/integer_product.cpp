#include "engine/ops/integer_product.h"

#include "engine/kernels/integer_gemm.h"
#include "engine/kernels/scratch.h"

namespace dormouse::engine {

IntegerProduct::IntegerProduct(const Shape& a, const Shape& b)
    : matrices_(a, b),
      stacked_(matrices_.right_batch.elements() == 1),
      m_(matrices_.m),
      rows_(stacked_ ? matrices_.left_batch.elements() * m_ : m_),
      n_(matrices_.n),
      k_(matrices_.k) {}

std::size_t IntegerProduct::scratch_bytes() const {
  return Scratch::bytes(rows_ * integer_row(k_), sizeof(std::int16_t)) +
         Scratch::bytes(k_ * n_, sizeof(std::int16_t)) + Scratch::bytes(rows_ * n_, sizeof(std::int32_t)) +
         integer_gemm_scratch(k_);
}

const std::int32_t* IntegerProduct::multiply(const KernelContext& context, IntegerOperands operands,
                                             std::int64_t first, std::int64_t second) const {
  const std::int64_t pitch = integer_row(k_);
  Scratch scratch(context.scratch);
  std::int16_t* const left = scratch.take<std::int16_t>(rows_ * pitch);
  std::int16_t* const right = scratch.take<std::int16_t>(k_ * n_);
  std::int32_t* const sums = scratch.take<std::int32_t>(rows_ * n_);
  const std::vector<std::int32_t> a_zero = zero_points(context, operands.a_zero),
                                  b_zero = zero_points(context, operands.b_zero);
  for (std::int64_t i = 0; i < rows_; ++i) {
    load_centred(context.inputs[operands.a], (first * m_ + i) * k_, k_, {&each_or_all(a_zero, i % m_), 1},
                 left + i * pitch);
    if (pitch > k_) left[i * pitch + k_] = 0;
  }
  for (std::int64_t p = 0; p < k_; ++p)
    load_centred(context.inputs[operands.b], (second * k_ + p) * n_, n_, b_zero, right + p * n_);
  integer_gemm(rows_, n_, k_, left, right, sums, n_, scratch.rest());
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
