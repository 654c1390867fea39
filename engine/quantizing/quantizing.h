#pragma once

#include <span>
#include <vector>

#include "engine/driver.h"
#include "engine/graph.h"

/// Post-training quantisation: a model of f32 becomes one that computes on 8-bit integers.
namespace dormouse::engine {

/// One run of a model: a tensor for each of its inputs, in the graph's order.
using Batch = std::vector<Tensor>;

struct StaticQuantization {
  DType activations = DType::u8;  ///< or i8
  /// What the outputs on the data may be off by, relative to their norm. Where it is more, the convolutions
  /// and products that alone cost most stay f32, one after another: what goes into a logarithm, say.
  double tolerance = 0.1;
};

/// `graph` in QDQ form: convolutions, products and what works on their results stand between QuantizeLinear
/// and DequantizeLinear. Weights become i8 with a scale per output channel; activations become 8-bit numbers
/// of the ranges that they have in `data`, run on `drivers`. Batch norms are folded first. Throws
/// Failure(invalid) when there is no data, or nothing to quantise.
Graph quantize_statically(const Graph& graph, std::span<const Batch> data,
                          std::span<const Driver* const> drivers, const StaticQuantization& options = {});

/// `graph` with the constant matrices of its products as i8, a scale per column; what they multiply is
/// quantised run by run, to the range it then has (DynamicQuantizeLinear, MatMulInteger). Throws
/// Failure(invalid) when there is no such product.
Graph quantize_dynamically(const Graph& graph);

}  // namespace dormouse::engine
