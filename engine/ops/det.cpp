#include <algorithm>
#include <cmath>

#include "engine/ops/inference.h"
#include "engine/ops/types.h"

/// Det(x): the determinants of square matrices.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  const Shape& x = context.shape(0);
  context.require(x.rank() >= 2, "expects matrices");
  const std::int64_t rows = x[x.rank() - 2], columns = x.back();
  context.require(compatible(rows, columns), "the matrices are not square");
  context.set_output(0, context.dtype(0), Shape(std::span(x.extents()).first(x.rank() - 2)));
}

// Elimination with partial pivoting; the matrix is used up.
template <class T>
T determinant(T* a, std::int64_t n) {
  T result = 1;
  for (std::int64_t column = 0; column < n; ++column) {
    std::int64_t pivot = column;
    for (std::int64_t row = column + 1; row < n; ++row)
      if (std::abs(a[row * n + column]) > std::abs(a[pivot * n + column])) pivot = row;
    if (pivot != column) {
      std::swap_ranges(a + pivot * n, a + (pivot + 1) * n, a + column * n);
      result = -result;
    }
    const T* const top = a + column * n;
    result *= top[column];
    if (top[column] == 0) return 0;
    for (std::int64_t row = column + 1; row < n; ++row) {
      T* const line = a + row * n;
      const T factor = line[column] / top[column];
      for (std::int64_t i = column; i < n; ++i) line[i] -= factor * top[i];
    }
  }
  return result;
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const std::int64_t n = context.shape(0).back();
  std::vector<T> matrix(static_cast<std::size_t>(n * n));
  const T* from = context.in<T>(0).data();
  for (T& y : context.out<T>(0)) {
    std::copy_n(from, n * n, matrix.data());
    y = determinant(matrix.data(), n);
    from += n * n;
  }
}

Gradients gradient(const GradientContext&) {
  throw Failure(Errc::unsupported, "Det: it has no gradient here");
}

}  // namespace

namespace ops {
extern const Op det{
    .name = "Det",
    .since = 11,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = {{.shapes = {{3, 3}}, .frozen = {0}}, {.shapes = {{2, 2, 4, 4}}, .frozen = {0}}}};
}  // namespace ops

}  // namespace dormouse::engine
