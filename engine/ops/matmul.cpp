#include "engine/kernels/gemm.h"
#include "engine/kernels/strided.h"
#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

// Vectors are matrices of one row (left) or one column (right), whose dimension is dropped from the output.
struct Product {
  std::int64_t m, n, k;
  Shape left_batch, right_batch;
};

Shape leading(const Shape& shape, std::size_t count) {
  return Shape(std::span(shape.extents()).first(count));
}

Product product(const Shape& a, const Shape& b) {
  const std::size_t left = a.rank() < 2 ? 0 : a.rank() - 2, right = b.rank() < 2 ? 0 : b.rank() - 2;
  return {.m = a.rank() < 2 ? 1 : a[left],
          .n = b.rank() < 2 ? 1 : b.back(),
          .k = a.back(),
          .left_batch = leading(a, left),
          .right_batch = leading(b, right)};
}

void infer(InferContext& context) {
  context.require(context.dtype(0) == context.dtype(1), "inputs differ in type");
  if (!context.has_shape(0) || !context.has_shape(1)) return context.set_output(0, context.dtype(0));
  const Shape &a = context.shape(0), &b = context.shape(1);
  context.require(a.rank() >= 1 && b.rank() >= 1, "scalars have no matrix product");
  const std::int64_t rows = b.rank() < 2 ? b[0] : b[b.rank() - 2];
  context.require(a.back() == kDynamic || rows == kDynamic || a.back() == rows, "inner dimensions differ");
  const Product matrices = product(a, b);
  std::optional<Shape> shape = broadcast(matrices.left_batch, matrices.right_batch);
  context.require(shape.has_value(), "batch dimensions do not broadcast");
  if (a.rank() >= 2) shape->push_back(matrices.m);
  if (b.rank() >= 2) shape->push_back(matrices.n);
  set_checked_output(context, 0, context.dtype(0), *std::move(shape));
}

std::size_t scratch(const KernelContext& context) {
  const Product matrices = product(context.shape(0), context.shape(1));
  const std::int64_t rows = std::max<std::int64_t>(matrices.m, 1);
  return gemm_scratch(std::max(rows, context.shape(0).elements() / std::max<std::int64_t>(matrices.k, 1)),
                      matrices.n, matrices.k);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Product matrices = product(context.shape(0), context.shape(1));
  const auto& [m, n, k, left, right] = matrices;
  const T* const a = context.in<T>(0).data();
  const T* const b = context.in<T>(1).data();
  T* const c = context.out<T>(0).data();
  if (right.elements() == 1)  // the left batch is just more rows
    return gemm<T>(left.elements() * m, n, k, 1, {a, k}, {b, n}, false, c, n, context.scratch);
  const Shape batch = *broadcast(left, right);
  const StridedLoop<3> loop(
      batch, {strides(batch), broadcast_strides(left, batch), broadcast_strides(right, batch)});
  loop.rows([&](std::int64_t length, const auto& offset, const auto& step) {
    for (std::int64_t i = 0; i < length; ++i)
      gemm<T>(m, n, k, 1, {a + (offset[1] + i * step[1]) * m * k, k},
              {b + (offset[2] + i * step[2]) * k * n, n}, false, c + (offset[0] + i * step[0]) * m * n, n,
              context.scratch);
  });
}

// Integers have no fast path: exact, wrapping around.
template <class T>
void compute_integers(const KernelContext& context) noexcept {
  const auto [m, n, k, left, right] = product(context.shape(0), context.shape(1));
  const Shape batch = *broadcast(left, right);
  const StridedLoop<3> loop(
      batch, {strides(batch), broadcast_strides(left, batch), broadcast_strides(right, batch)});
  loop.rows([&, m = m, n = n, k = k](std::int64_t length, const auto& offset, const auto& step) {
    for (std::int64_t i = 0; i < length; ++i) {
      const T* const a = context.in<T>(0).data() + (offset[1] + i * step[1]) * m * k;
      const T* const b = context.in<T>(1).data() + (offset[2] + i * step[2]) * k * n;
      T* const c = context.out<T>(0).data() + (offset[0] + i * step[0]) * m * n;
      for (std::int64_t cell = 0; cell < m * n; ++cell) {
        std::uint64_t sum = 0;
        for (std::int64_t p = 0; p < k; ++p)
          sum += static_cast<std::uint64_t>(a[cell / n * k + p]) *
                 static_cast<std::uint64_t>(b[p * n + cell % n]);
        c[cell] = static_cast<T>(sum);
      }
    }
  });
}

Value swap_last(Value matrix) {
  std::vector<std::int64_t> order;
  for (std::size_t d = 0; d < matrix.shape().rank(); ++d) order.push_back(static_cast<std::int64_t>(d));
  std::swap(order[order.size() - 2], order[order.size() - 1]);
  return transpose(matrix, order);
}

Value with_axis(Value value, std::int64_t axis) {
  return apply("Unsqueeze", {value, integers(*value.graph, {axis})});
}

// Vectors get their missing dimension first; then dA = dC·Bᵀ and dB = Aᵀ·dC, summed over broadcast batches.
Gradients gradient(const GradientContext& context) {
  const Value a = context.input(0), b = context.input(1);
  const bool row = a.shape().rank() == 1, column = b.shape().rank() == 1;
  const Value left = row ? with_axis(a, 0) : a, right = column ? with_axis(b, -1) : b;
  Value upstream = context.upstream();
  if (column) upstream = with_axis(upstream, -1);
  if (row) upstream = with_axis(upstream, -2);
  const Value da = sum_to(matmul(upstream, swap_last(right)), left);
  const Value db = sum_to(matmul(swap_last(left), upstream), right);
  return {row ? reshape_to(da, a) : da, column ? reshape_to(db, b) : db};
}

}  // namespace

namespace ops {
extern const Op matmul{
    .name = "MatMul",
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .kernels = kernels<float, double, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t>(
        compute<float>, compute<double>, compute_integers<std::int32_t>, compute_integers<std::uint32_t>,
        compute_integers<std::int64_t>, compute_integers<std::uint64_t>),
    .gradient = gradient,
    .scratch = scratch,
    .samples = {{.shapes = {{3, 4}, {4, 5}}},
                {.shapes = {{2, 1, 3, 4}, {3, 4, 2}}},
                {.shapes = {{4}, {4, 3}}},
                {.shapes = {{2, 3, 4}, {4}}},
                {.shapes = {{17, 70}, {70, 33}}, .low = -0.5, .high = 0.5}}};
}  // namespace ops

}  // namespace dormouse::engine
