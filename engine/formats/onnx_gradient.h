#pragma once

#include <string>
#include <vector>

#include "engine/formats/onnx_model.h"

namespace dormouse::engine {

/// A node of ai.onnx.preview.training's operator Gradient: it asks for dy/dx of values that it names.
bool is_gradient(const OnnxNode& node);

struct OnnxGradient {
  std::string y;
  std::vector<std::string> xs;
};

/// What such a node asks for. Throws Failure(corrupt) when it is not said, Failure(unsupported) for a
/// gradient at other values than those named.
OnnxGradient gradient_of(const OnnxNode& node);

}  // namespace dormouse::engine
