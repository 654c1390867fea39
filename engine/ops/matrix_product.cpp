#include "engine/ops/matrix_product.h"

namespace dormouse::engine {

Shape leading(const Shape& shape) {
  return Shape(std::span(shape.extents()).first(shape.rank() < 2 ? 0 : shape.rank() - 2));
}

Value swap_last(Value matrices) {
  std::vector<std::int64_t> order;
  for (std::size_t d = 0; d < matrices.shape().rank(); ++d) order.push_back(static_cast<std::int64_t>(d));
  std::swap(order[order.size() - 2], order[order.size() - 1]);
  return transpose(matrices, order);
}

MatrixProduct::MatrixProduct(const Shape& a, const Shape& b)
    : m(a.rank() < 2 ? 1 : a[a.rank() - 2]),
      n(b.rank() < 2 ? 1 : b.back()),
      k(a.back()),
      left_batch(leading(a)),
      right_batch(leading(b)) {}

Shape infer_matrix_product(const InferContext& context, const Shape& a, const Shape& b) {
  context.require(a.rank() >= 1 && b.rank() >= 1, "scalars have no matrix product");
  const std::int64_t rows = b.rank() < 2 ? b[0] : b[b.rank() - 2];
  context.require(compatible(a.back(), rows), "inner dimensions differ");
  const MatrixProduct matrices(a, b);
  std::optional<Shape> shape = broadcast(matrices.left_batch, matrices.right_batch);
  context.require(shape.has_value(), "batch dimensions do not broadcast");
  if (a.rank() >= 2) shape->push_back(matrices.m);
  if (b.rank() >= 2) shape->push_back(matrices.n);
  return *std::move(shape);
}

}  // namespace dormouse::engine
