#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace dormouse::learning {

/// The factor L of a symmetric positive definite matrix A = LLᵀ, in double precision.
class Cholesky {
 public:
  /// `lower`: the lower triangle of A row by row, n(n + 1)/2 numbers. Throws Failure(invalid) when A is not
  /// positive definite to rounding.
  Cholesky(std::vector<double> lower, std::size_t n);

  /// Replaces the [n, columns] row-major right-hand sides by A⁻¹ of them.
  void solve(std::span<double> columns_by_row, std::size_t columns) const;
  /// A⁻¹, [n, n].
  std::vector<double> inverse() const;

 private:
  std::size_t n_;
  std::vector<double> factor_;
};

}  // namespace dormouse::learning
