#include "learning/cholesky.h"

#include <cmath>
#include <utility>

#include "config/error.h"

namespace dormouse::learning {

Cholesky::Cholesky(std::vector<double> lower, std::size_t n) : n_(n), factor_(std::move(lower)) {
  ensure(factor_.size() == n * (n + 1) / 2, "a lower triangle");
  for (std::size_t i = 0; i < n; ++i) {
    double* row = factor_.data() + i * (i + 1) / 2;
    for (std::size_t j = 0; j <= i; ++j) {
      const double* other = factor_.data() + j * (j + 1) / 2;
      double rest = row[j];
      for (std::size_t k = 0; k < j; ++k) rest -= row[k] * other[k];
      if (j < i) {
        row[j] = rest / other[j];
      } else {
        if (!(rest > 0))
          throw Failure(Errc::invalid, "the latents' second moments are not positive definite");
        row[j] = std::sqrt(rest);
      }
    }
  }
}

void Cholesky::solve(std::span<double> columns_by_row, std::size_t columns) const {
  ensure(columns_by_row.size() == n_ * columns, "right-hand sides of this size");
  double* b = columns_by_row.data();
  const auto subtract = [&](std::size_t target, std::size_t source, double factor) {
    for (std::size_t c = 0; c < columns; ++c) b[target * columns + c] -= factor * b[source * columns + c];
  };
  const auto divide = [&](std::size_t i) {
    const double pivot = factor_[i * (i + 1) / 2 + i];
    for (std::size_t c = 0; c < columns; ++c) b[i * columns + c] /= pivot;
  };
  for (std::size_t i = 0; i < n_; ++i) {
    for (std::size_t k = 0; k < i; ++k) subtract(i, k, factor_[i * (i + 1) / 2 + k]);
    divide(i);
  }
  for (std::size_t i = n_; i-- > 0;) {
    divide(i);
    for (std::size_t k = 0; k < i; ++k) subtract(k, i, factor_[i * (i + 1) / 2 + k]);
  }
}

std::vector<double> Cholesky::inverse() const {
  std::vector<double> identity(n_ * n_);
  for (std::size_t i = 0; i < n_; ++i) identity[i * n_ + i] = 1;
  solve(identity, n_);
  return identity;
}

}  // namespace dormouse::learning
