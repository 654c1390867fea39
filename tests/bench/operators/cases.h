#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/graph.h"

namespace dormouse::bench {

/// What an operator is given: values drawn uniformly from [low, high] (whole numbers for integer types), or
/// `value`.
struct Operand {
  engine::DType type = engine::DType::f32;
  engine::Shape shape;
  double low = -2, high = 2;
  bool constant = false;  ///< known when the model is loaded, as weights are
  std::optional<engine::Tensor> value = {};
};

/// One operator at the size at which models use it.
struct OperatorCase {
  std::string what;  ///< beside the operator's name, where it stands there more than once
  std::string name;
  std::vector<Operand> operands;
  engine::Attributes attributes = {};
  std::size_t outputs = 1;
};

/// The operators of ONNX that compute something and that ONNX Runtime has in opset 18.
std::vector<OperatorCase> operator_cases();

/// A model of one node, and what is to be fed to it.
struct OneNode {
  engine::Graph graph;
  std::vector<engine::Tensor> inputs;
};
OneNode one_node(const OperatorCase& entry);

}  // namespace dormouse::bench
