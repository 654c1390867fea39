#pragma once

#include <functional>
#include <vector>

#include "engine/formats/onnx_model.h"
#include "engine/graph.h"

namespace dormouse::engine {

/// What is known about a value by its ONNX name; null for an absent one.
using LookUp = std::function<const ValueInfo*(const std::string&)>;

/// `node` in the newest form of its operator: attributes that became inputs are inputs (made by Constant
/// nodes), and meanings that are gone are spelt out with other operators. `opset` of the result says whose
/// form each has now. A form that has no newer one stays as it is. Throws Failure(unsupported) when the
/// shapes it needs are not known.
std::vector<OnnxNode> upgrade(OnnxNode node, const LookUp& look_up);

}  // namespace dormouse::engine
