#pragma once

#include "engine/ops/quantization.h"

/// What QuantizeLinear and DequantizeLinear share: scale and zero point are inputs 1 and 2, and the attribute
/// `axis` is the one that a vector of them goes along.
namespace dormouse::engine {

/// fail()s or refuses unless scale and zero point fit input 0.
void check_quantized_axis(const InferContext& context);

/// Calls f(first element, count, slice) for the runs of input 0 that have one scale.
template <class F>
void for_quantized_runs(const KernelContext& context, F f) {
  const Shape& shape = context.shape(0);
  if (context.shape(1).elements() == 1) return f(std::int64_t{0}, shape.elements(), std::int64_t{0});
  const std::size_t axis = axis_index(context.attributes.integer("axis", 1), shape.rank());
  const std::int64_t run = shape.elements(axis + 1, shape.rank()), runs = shape.elements(0, axis + 1);
  for (std::int64_t r = 0; r < runs; ++r) f(r * run, run, r % shape[axis]);
}

}  // namespace dormouse::engine
