#include "learning/cholesky.h"

#include <algorithm>
#include <cmath>

#include "config/error.h"
#include "engine/kernels/gemm.h"
#include "engine/tensor.h"

namespace dormouse::learning {
namespace {

constexpr std::size_t kBlock = 64;

double dot(const double* a, const double* b, std::size_t n) {
  double sum = 0;
  for (std::size_t k = 0; k < n; ++k) sum += a[k] * b[k];
  return sum;
}

}  // namespace

Cholesky::Cholesky(std::span<const double> lower, std::size_t n) : n_(n), factor_(n * n) {
  ensure(lower.size() == n * (n + 1) / 2, "a lower triangle");
  for (std::size_t i = 0; i < n; ++i)
    std::ranges::copy(lower.subspan(i * (i + 1) / 2, i + 1), factor_.begin() + std::ptrdiff_t(i * n));
  const auto scratch = engine::Buffer::allocate(engine::gemm_scratch(kBlock, std::int64_t(n), kBlock));
  for (std::size_t from = 0; from < n; from += kBlock) {
    const std::size_t to = std::min(from + kBlock, n);
    factor_diagonal(from, to);
    factor_below(from, to);
    update_rest(from, to, {scratch->writable_data(), scratch->size()});
  }
}

void Cholesky::factor_diagonal(std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to; ++i) {
    double* row = factor_.data() + i * n_;
    for (std::size_t j = from; j <= i; ++j) {
      const double* other = factor_.data() + j * n_;
      const double rest = row[j] - dot(row + from, other + from, j - from);
      if (j < i) {
        row[j] = rest / other[j];
      } else {
        if (!(rest > 0)) throw Failure(Errc::invalid, "the second moments are not positive definite");
        row[j] = std::sqrt(rest);
      }
    }
  }
}

void Cholesky::factor_below(std::size_t from, std::size_t to) {
  for (std::size_t i = to; i < n_; ++i) {
    double* row = factor_.data() + i * n_;
    for (std::size_t j = from; j < to; ++j) {
      const double* other = factor_.data() + j * n_;
      row[j] = (row[j] - dot(row + from, other + from, j - from)) / other[j];
    }
  }
}

/// A block of rows at a time, up to its diagonal: A −= L·Lᵀ.
void Cholesky::update_rest(std::size_t from, std::size_t to, std::span<std::byte> scratch) {
  const auto stride = static_cast<std::int64_t>(n_);
  for (std::size_t top = to; top < n_; top += kBlock) {
    const std::size_t bottom = std::min(top + kBlock, n_);
    const engine::Matrix<double> left{factor_.data() + top * n_ + from, stride, 1};
    const engine::Matrix<double> right{factor_.data() + to * n_ + from, 1, stride};
    engine::gemm(std::int64_t(bottom - top), std::int64_t(bottom - to), std::int64_t(to - from), -1.0, left,
                 right, true, factor_.data() + top * n_ + to, stride, scratch);
  }
}

void Cholesky::solve(std::span<double> columns_by_row, std::size_t columns) const {
  ensure(columns_by_row.size() == n_ * columns, "right-hand sides of this size");
  double* b = columns_by_row.data();
  const auto subtract = [&](std::size_t target, std::size_t source, double factor) {
    for (std::size_t c = 0; c < columns; ++c) b[target * columns + c] -= factor * b[source * columns + c];
  };
  const auto divide = [&](std::size_t i) {
    const double pivot = factor_[i * n_ + i];
    for (std::size_t c = 0; c < columns; ++c) b[i * columns + c] /= pivot;
  };
  for (std::size_t i = 0; i < n_; ++i) {
    for (std::size_t k = 0; k < i; ++k) subtract(i, k, factor_[i * n_ + k]);
    divide(i);
  }
  for (std::size_t i = n_; i-- > 0;) {
    divide(i);
    for (std::size_t k = 0; k < i; ++k) subtract(k, i, factor_[i * n_ + k]);
  }
}

std::vector<double> Cholesky::inverse() const {
  std::vector<double> identity(n_ * n_);
  for (std::size_t i = 0; i < n_; ++i) identity[i * n_ + i] = 1;
  solve(identity, n_);
  return identity;
}

}  // namespace dormouse::learning
