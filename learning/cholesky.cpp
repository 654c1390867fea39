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
  while (advance(n * n * n)) {
  }
}

Cholesky Cholesky::begin(std::vector<double> square, std::size_t n) {
  ensure(square.size() == n * n, "a square matrix");
  Cholesky factor;
  factor.n_ = n;
  factor.factor_ = std::move(square);
  return factor;
}

std::size_t Cholesky::block_end() const { return std::min(done_ + kBlock, n_); }

bool Cholesky::advance(std::size_t multiplications) {
  for (std::size_t spent = 0; done_ < n_ && spent < multiplications;) {
    const std::size_t to = block_end(), width = to - done_;
    if (top_ == 0) {
      factor_diagonal();
      factor_below();
      spent += (n_ - done_) * width * width / 2;
      top_ = to;
    } else {
      spent += kBlock * (top_ + kBlock - done_) * width;
      update_rows();
      top_ = std::min(top_ + kBlock, n_);
    }
    if (top_ == n_) done_ = to, top_ = 0;
  }
  if (done_ == n_) scratch_.reset();
  return done_ < n_;
}

void Cholesky::factor_diagonal() {
  for (std::size_t i = done_; i < block_end(); ++i) {
    double* row = factor_.data() + i * n_;
    for (std::size_t j = done_; j <= i; ++j) {
      const double* other = factor_.data() + j * n_;
      const double rest = row[j] - dot(row + done_, other + done_, j - done_);
      if (j < i) {
        row[j] = rest / other[j];
      } else {
        if (!(rest > 0)) throw Failure(Errc::invalid, "the second moments are not positive definite");
        row[j] = std::sqrt(rest);
      }
    }
  }
}

void Cholesky::factor_below() {
  for (std::size_t i = block_end(); i < n_; ++i) {
    double* row = factor_.data() + i * n_;
    for (std::size_t j = done_; j < block_end(); ++j) {
      const double* other = factor_.data() + j * n_;
      row[j] = (row[j] - dot(row + done_, other + done_, j - done_)) / other[j];
    }
  }
}

/// A block of rows, up to its diagonal: A −= L·Lᵀ.
void Cholesky::update_rows() {
  const auto stride = static_cast<std::int64_t>(n_);
  const std::size_t from = done_, to = block_end(), bottom = std::min(top_ + kBlock, n_);
  const auto rows = std::int64_t(bottom - top_), columns = std::int64_t(bottom - to),
             depth = std::int64_t(to - from);
  const engine::Matrix<double> left{factor_.data() + top_ * n_ + from, stride, 1};
  const engine::Matrix<double> right{factor_.data() + to * n_ + from, 1, stride};
  if (!scratch_) scratch_ = engine::Buffer::allocate(engine::gemm_scratch(rows, stride, depth));
  engine::gemm(rows, columns, depth, -1.0, left, right, true, factor_.data() + top_ * n_ + to, stride,
               {scratch_->writable_data(), scratch_->size()});
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
