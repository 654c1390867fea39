#pragma once

#include "engine/ops/reduction.h"

/// What the pooling operators that reduce whole planes share: [N, C, …] becomes [N, C, 1, …].
namespace dormouse::engine {

void infer_global_pooling(InferContext& context);

/// Folds each plane with F, beginning at `neutral`.
template <class F, class T>
void fold_planes(const KernelContext& context, T neutral) noexcept {
  const Shape &in = context.shape(0), &out = context.output_shape(0);
  std::ranges::fill(context.out<T>(0), neutral);
  fold<F>(context.in<T>(0).data(), in, context.out<T>(0).data(), broadcast_strides(out, in), neutral);
}

}  // namespace dormouse::engine
