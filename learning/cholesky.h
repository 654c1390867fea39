#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "engine/tensor.h"

namespace dormouse::learning {

/// The factor L of a symmetric positive definite matrix A = LLᵀ, in double precision.
///
/// Blocked and right-looking (Golub and Van Loan, Matrix Computations, §4.2.9), so that large systems run at
/// the speed of matrix multiplication: n³/3 multiplications, n² doubles. It is whole before it solves.
class Cholesky {
 public:
  /// `lower`: the lower triangle of A row by row, n(n + 1)/2 numbers. Throws Failure(invalid) when A is not
  /// positive definite to rounding.
  Cholesky(std::span<const double> lower, std::size_t n);

  /// The same in pieces: `square` is A as [n, n], of which what is above the diagonal means nothing.
  static Cholesky begin(std::vector<double> square, std::size_t n);
  /// Does about so many multiplications more; true while there is more. Throws as the constructor does.
  bool advance(std::size_t multiplications);

  /// Replaces the [n, columns] row-major right-hand sides by A⁻¹ of them.
  void solve(std::span<double> columns_by_row, std::size_t columns) const;
  /// A⁻¹, [n, n].
  std::vector<double> inverse() const;

 private:
  Cholesky() = default;
  void factor_diagonal();
  void factor_below();
  void update_rows();
  std::size_t block_end() const;

  std::size_t n_ = 0;
  std::vector<double> factor_;  ///< [n, n], what is above the diagonal means nothing
  std::size_t done_ = 0;        ///< columns of L that are final
  std::size_t top_ = 0;  ///< rows from here on lack the update by the block at done_; 0: not factored yet
  std::shared_ptr<engine::Buffer> scratch_;
};

}  // namespace dormouse::learning
