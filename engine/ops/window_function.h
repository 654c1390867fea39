#pragma once

#include "engine/ops/casting.h"

/// What the windows share: of a scalar size the values a0 - a1 cos(2πn/N) + a2 cos(4πn/N), N the size, or
/// with periodic = 0 one less.
namespace dormouse::engine {

struct CosineSum {
  double a0, a1, a2;
};

void infer_window(InferContext& context);
void compute_window(const KernelContext& context, CosineSum sum) noexcept;
std::vector<Sample> window_samples();

template <CosineSum sum>
Op window_op(std::string_view name) {
  const Kernel kernel = [](const KernelContext& context) noexcept { compute_window(context, sum); };
  return {.name = name,
          .since = 17,
          .infer = infer_window,
          .kernels = {{DType::i32, kernel}, {DType::i64, kernel}},
          .samples = window_samples()};
}

}  // namespace dormouse::engine
