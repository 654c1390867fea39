#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace dormouse::engine {

/// A dense matrix in memory; strides are in elements. Swapping them transposes it.
template <class T>
struct Matrix {
  const T* data = nullptr;
  std::int64_t row_stride = 0;
  std::int64_t column_stride = 1;
};

/// Bytes that gemm() of these extents needs as scratch, for float and double alike.
std::size_t gemm_scratch(std::int64_t m, std::int64_t n, std::int64_t k);

/// C = alpha·A·B, or C += alpha·A·B when `accumulate`; A is m×k, B is k×n, C is row-major m×n with `ldc`
/// elements a row.
///
/// `scratch` is 64-byte aligned and holds gemm_scratch(m, n, k) bytes. Runs on the calling thread, with the
/// widest vector instructions of the processor it finds itself on; the order of summation depends on the
/// extents and strides alone.
template <class T>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, T alpha, Matrix<T> a, Matrix<T> b, bool accumulate,
          T* c, std::int64_t ldc, std::span<std::byte> scratch) noexcept;

extern template void gemm(std::int64_t, std::int64_t, std::int64_t, float, Matrix<float>, Matrix<float>, bool,
                          float*, std::int64_t, std::span<std::byte>) noexcept;
extern template void gemm(std::int64_t, std::int64_t, std::int64_t, double, Matrix<double>, Matrix<double>,
                          bool, double*, std::int64_t, std::span<std::byte>) noexcept;

}  // namespace dormouse::engine
