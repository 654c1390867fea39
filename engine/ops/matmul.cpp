#include "engine/kernels/gemm.h"
#include "engine/ops/inference.h"
#include "engine/ops/matrix_product.h"
#include "engine/ops/types.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  context.require(context.dtype(0) == context.dtype(1), "inputs differ in type");
  if (!context.has_shape(0) || !context.has_shape(1)) return context.set_output(0, context.dtype(0));
  set_checked_output(context, 0, context.dtype(0),
                     infer_matrix_product(context, context.shape(0), context.shape(1)));
}

std::size_t scratch(const KernelContext& context) {
  const MatrixProduct matrices(context.shape(0), context.shape(1));
  const std::int64_t rows = std::max<std::int64_t>(matrices.m, 1);
  return gemm_scratch(std::max(rows, context.shape(0).elements() / std::max<std::int64_t>(matrices.k, 1)),
                      matrices.n, matrices.k);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const MatrixProduct matrices(context.shape(0), context.shape(1));
  const std::int64_t m = matrices.m, n = matrices.n, k = matrices.k;
  const T* const a = context.in<T>(0).data();
  const T* const b = context.in<T>(1).data();
  T* const c = context.out<T>(0).data();
  if (matrices.right_batch.elements() == 1)  // the left batch is just more rows
    return gemm<T>(matrices.left_batch.elements() * m, n, k, 1, {a, k}, {b, n}, false, c, n, context.scratch);
  matrices.each([&](std::int64_t to, std::int64_t first, std::int64_t second) {
    gemm<T>(m, n, k, 1, {a + first * m * k, k}, {b + second * k * n, n}, false, c + to * m * n, n,
            context.scratch);
  });
}

// Integers have no fast path: exact, wrapping around.
template <class T>
void compute_integers(const KernelContext& context) noexcept {
  const MatrixProduct matrices(context.shape(0), context.shape(1));
  const std::int64_t m = matrices.m, n = matrices.n, k = matrices.k;
  matrices.each([&](std::int64_t to, std::int64_t first, std::int64_t second) {
    const T* const a = context.in<T>(0).data() + first * m * k;
    const T* const b = context.in<T>(1).data() + second * k * n;
    T* const c = context.out<T>(0).data() + to * m * n;
    for (std::int64_t cell = 0; cell < m * n; ++cell) {
      std::uint64_t sum = 0;
      for (std::int64_t p = 0; p < k; ++p)
        sum +=
            static_cast<std::uint64_t>(a[cell / n * k + p]) * static_cast<std::uint64_t>(b[p * n + cell % n]);
      c[cell] = static_cast<T>(sum);
    }
  });
}

// Vectors get their missing dimension first; then dA = dC·Bᵀ and dB = Aᵀ·dC, summed over broadcast batches.
Gradients gradient(const GradientContext& context) {
  const Value a = context.input(0), b = context.input(1);
  const bool row = a.shape().rank() == 1, column = b.shape().rank() == 1;
  const Value left = row ? unsqueeze(a, {0}) : a, right = column ? unsqueeze(b, {-1}) : b;
  Value upstream = context.upstream();
  if (column) upstream = unsqueeze(upstream, {-1});
  if (row) upstream = unsqueeze(upstream, {-2});
  const Value da = sum_to(matmul(upstream, swap_last(right)), left);
  const Value db = sum_to(matmul(swap_last(left), upstream), right);
  return {row ? reshape_to(da, a) : da, column ? reshape_to(db, b) : db};
}

Kernels all_kernels() {
  using Integers = Types<std::int32_t, std::uint32_t, std::int64_t, std::uint64_t>;
  Kernels result = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; });
  for (const auto& kernel : kernels_for(Integers{}, []<class T>() { return compute_integers<T>; }))
    result.push_back(kernel);
  return result;
}

}  // namespace

namespace ops {
extern const Op matmul{.name = "MatMul",
                       .min_inputs = 2,
                       .max_inputs = 2,
                       .infer = infer,
                       .kernels = all_kernels(),
                       .gradient = gradient,
                       .scratch = scratch,
                       .samples = {{.shapes = {{3, 4}, {4, 5}}},
                                   {.shapes = {{2, 1, 3, 4}, {3, 4, 2}}},
                                   {.shapes = {{4}, {4, 3}}},
                                   {.shapes = {{2, 3, 4}, {4}}},
                                   {.shapes = {{17, 70}, {70, 33}}, .low = -0.5, .high = 0.5}}};
}  // namespace ops

}  // namespace dormouse::engine
