#pragma once

#include "engine/kernels/strided.h"
#include "engine/op.h"

/// What MatMul and its integer forms share.
namespace dormouse::engine {

/// Vectors are matrices of one row (left) or one column (right), whose dimension is dropped from the output.
struct MatrixProduct {
  std::int64_t m, n, k;
  Shape left_batch, right_batch;

  MatrixProduct(const Shape& a, const Shape& b);

  /// Calls f(number of the output's matrix, of the left one, of the right one), batches broadcast.
  template <class F>
  void each(F f) const {
    const Shape batch = *broadcast(left_batch, right_batch);
    StridedLoop<3>(
        batch, {strides(batch), broadcast_strides(left_batch, batch), broadcast_strides(right_batch, batch)})
        .rows([&](std::int64_t length, const auto& offset, const auto& step) {
          for (std::int64_t i = 0; i < length; ++i)
            f(offset[0] + i * step[0], offset[1] + i * step[1], offset[2] + i * step[2]);
        });
  }
};

/// All axes but the last two.
Shape leading(const Shape& shape);

/// The last two axes in the other order; the rank is known.
Value swap_last(Value matrices);

/// The shape of a·b; fail()s when they do not fit.
Shape infer_matrix_product(const InferContext& context, const Shape& a, const Shape& b);

}  // namespace dormouse::engine
