#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/formats/onnx_model.h"
#include "engine/graph.h"

namespace dormouse::engine {

/// A node of ai.onnx.preview.training's operator Gradient: it asks for dy/dx of values that it names.
bool is_gradient(const OnnxNode& node);

/// What such a node names: y as a function of xs and zs, all of which are independent of each other.
struct OnnxGradient {
  std::string y;
  std::vector<std::string> xs, zs;
};

/// What such a node asks for. Throws Failure(corrupt) when it is not said.
OnnxGradient gradient_of(const OnnxNode& node);

/// Appends to `graph` the derivatives of `y` with respect to the first `count` of the values `cut`, of which
/// it is a function, where these are `inputs`. Of a y with several elements their sum is differentiated.
/// Throws Failure(invalid) when y depends on other inputs of the graph too.
std::vector<ValueId> add_derivatives(Graph& graph, ValueId y, std::span<const ValueId> cut, std::size_t count,
                                     std::span<const ValueId> inputs);

}  // namespace dormouse::engine
