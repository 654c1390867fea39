#pragma once

#include <map>
#include <string>
#include <vector>

#include "learning/linoss_layer.h"
#include "tests/learning/golden.h"

const std::map<std::string, dormouse::learning::Discretisation>& golden_variants();

inline constexpr dormouse::learning::OscillatorLimits kGoldenLimits{0, 0};  // golden vectors have none

/// The layer of a golden file as a graph over `steps` of its samples, and what the graph's inputs are given.
/// Its parameters, samples "u" and state "w0" are inputs; so are the weights of its loss.
struct GoldenLayer {
  dormouse::engine::Graph graph;
  std::vector<std::string> names;  ///< of what the loss is differentiated by in the file
  std::vector<dormouse::engine::ValueId> ids;
  std::vector<dormouse::engine::Tensor> given;  ///< for the graph's inputs; the first `steps` samples
  dormouse::learning::LinossParameters parameters;
  dormouse::engine::Value samples, state;
  dormouse::learning::LinossOutput answer;
  dormouse::engine::Value loss;

  GoldenLayer(const Golden& golden, dormouse::engine::DType type, std::int64_t steps);

 private:
  dormouse::engine::Value input(const std::string& name, dormouse::engine::Tensor value);
};

/// The golden gradient of the input `name`, laid out as it is.
dormouse::engine::Tensor golden_gradient(const Golden& golden, const std::string& name);
