#pragma once

#include "engine/ops/elementwise.h"

/// What And, Or and Xor share: two booleans (bytes, 0 or not), broadcast.
namespace dormouse::engine {

void infer_logical(InferContext& context);
std::vector<Sample> logical_samples();

template <class F>
Op logical_op(std::string_view name) {
  return {.name = name,
          .since = 7,
          .min_inputs = 2,
          .max_inputs = 2,
          .infer = infer_logical,
          .kernels = {{DType::boolean, binary_kernel<F, std::uint8_t>}},
          .in_place = true,
          .elementwise = true,
          .samples = logical_samples()};
}

}  // namespace dormouse::engine
