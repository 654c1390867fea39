#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  const DType type = context.dtype(0);
  context.require(context.dtype(1) == type, "inputs differ in type");
  if (!context.has_shape(0) || !context.has_shape(1)) return context.set_output(0, type);
  const Shape &a = context.shape(0), &b = context.shape(1);
  context.require(a.rank() == 2 && b.rank() == 2, "expects matrices");
  context.require(compatible(a[1], b[1]), "rows differ in length");
  set_checked_output(context, 0, type, {a[0], b[0]});
}

// Of each row of A from each row of B. The differences themselves: |a|² + |b|² - 2ab cancels where they are
// small, which is where it matters.
template <class T>
void compute(const KernelContext& context) noexcept {
  const std::int64_t rows = context.shape(0)[0], columns = context.shape(1)[0], depth = context.shape(0)[1];
  constexpr std::int64_t kPartials = 16;
  T* out = context.out<T>(0).data();
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) {
      const T* const a = context.in<T>(0).data() + i * depth;
      const T* const b = context.in<T>(1).data() + j * depth;
      T partial[kPartials] = {};
      std::int64_t d = 0;
      for (; d + kPartials <= depth; d += kPartials)
        for (std::int64_t p = 0; p < kPartials; ++p)
          partial[p] += (a[d + p] - b[d + p]) * (a[d + p] - b[d + p]);
      for (; d < depth; ++d) partial[0] += (a[d] - b[d]) * (a[d] - b[d]);
      T sum = 0;
      for (const T value : partial) sum += value;
      *out++ = sum;
    }
}

// Σ_j 2 (a_i - b_j) g_ij, and the same the other way round.
Gradients gradient(const GradientContext& context) {
  const Value a = context.input(0), b = context.input(1), g = context.upstream();
  const Value turned = transpose(g, {1, 0});
  return {(a * reduce_sum(g, {1}, true) - matmul(g, b)) * 2.0,
          (b * reduce_sum(turned, {1}, true) - matmul(turned, a)) * 2.0};
}

}  // namespace

namespace ops {
extern const Op squared_distances{.name = "SquaredDistances",
                                  .domain = "dormouse",
                                  .min_inputs = 2,
                                  .max_inputs = 2,
                                  .infer = infer,
                                  .kernels = kernels<float, double>(compute<float>, compute<double>),
                                  .gradient = gradient,
                                  .samples = {{.shapes = {{3, 4}, {5, 4}}}, {.shapes = {{2, 19}, {1, 19}}}}};
}  // namespace ops

}  // namespace dormouse::engine
