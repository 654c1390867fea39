#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace dormouse::learning {

/// The factor L of a symmetric positive definite matrix A = LLᵀ, in double precision.
///
/// Blocked and right-looking (Golub and Van Loan, Matrix Computations, §4.2.9), so that large systems run at
/// the speed of matrix multiplication: n³/3 multiplications, n² doubles.
class Cholesky {
 public:
  /// `lower`: the lower triangle of A row by row, n(n + 1)/2 numbers. Throws Failure(invalid) when A is not
  /// positive definite to rounding.
  Cholesky(std::span<const double> lower, std::size_t n);

  /// Replaces the [n, columns] row-major right-hand sides by A⁻¹ of them.
  void solve(std::span<double> columns_by_row, std::size_t columns) const;
  /// A⁻¹, [n, n].
  std::vector<double> inverse() const;

 private:
  void factor_diagonal(std::size_t from, std::size_t to);
  void factor_below(std::size_t from, std::size_t to);
  void update_rest(std::size_t from, std::size_t to, std::span<std::byte> scratch);

  std::size_t n_;
  std::vector<double> factor_;  ///< [n, n], what is above the diagonal means nothing
};

}  // namespace dormouse::learning
