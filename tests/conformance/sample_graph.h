#pragma once

#include <random>
#include <vector>

#include "engine/graph.h"
#include "engine/op.h"
#include "engine/tensor.h"

namespace dormouse::engine::conformance {

/// One sample of an operator as a graph: its floating inputs are graph inputs, fixed ones are constants.
struct SampleGraph {
  Graph graph;
  std::vector<ValueId> outputs;         ///< of the operator
  std::vector<Tensor> inputs;           ///< what the graph's inputs are given
  std::vector<ValueId> differentiable;  ///< inputs with a gradient
};

/// Draws the inputs as the sample says, of `type` f32 or f64. Operators with any number of outputs are asked
/// for two.
SampleGraph sample_graph(const Op& op, const Sample& sample, DType type, std::mt19937& random);

/// Uniform in [low, high], exactly representable in f32.
Tensor draw(DType type, const Shape& shape, double low, double high, std::mt19937& random);

/// A tensor of any type as doubles.
std::vector<double> as_doubles(const Tensor& tensor);

}  // namespace dormouse::engine::conformance
