#pragma once

#include "engine/ops/matrix_product.h"
#include "engine/ops/quantization.h"

/// What MatMulInteger and QLinearMatMul share: exact products of 8-bit matrices less their zero points.
namespace dormouse::engine {

/// Which inputs are the matrices and their zero points.
struct IntegerOperands {
  std::size_t a, a_zero, b, b_zero;
};

/// Zero points of `a` are one, or one per row of its matrices; those of `b` one, or one per column.
class IntegerProduct {
 public:
  IntegerProduct(const Shape& a, const Shape& b);

  std::int64_t rows() const { return rows_; }  ///< of one product
  std::int64_t columns() const { return n_; }
  std::int64_t row_of_matrix(std::int64_t row) const { return row % m_; }
  /// What run() needs.
  std::size_t scratch_bytes() const;

  /// Calls f(first element in the output, sums [rows, columns]) for each product.
  template <class F>
  void run(const KernelContext& context, IntegerOperands operands, F f) const {
    if (stacked_) return f(std::int64_t{0}, multiply(context, operands, 0, 0));
    matrices_.each([&](std::int64_t to, std::int64_t first, std::int64_t second) {
      f(to * m_ * n_, multiply(context, operands, first, second));
    });
  }

 private:
  const std::int32_t* multiply(const KernelContext& context, IntegerOperands operands, std::int64_t first,
                               std::int64_t second) const;

  MatrixProduct matrices_;
  bool stacked_;  // one right matrix: the left batch is just more rows
  std::int64_t m_, rows_, n_, k_;
};

/// infer() for the operands: types, shapes, zero points. Returns the output's shape, nothing while it is not
/// known.
std::optional<Shape> infer_integer_product(const InferContext& context, IntegerOperands operands);

}  // namespace dormouse::engine
