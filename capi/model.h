#pragma once

#include <memory>
#include <string>
#include <vector>

#include "capi/options.h"
#include "engine/session.h"

/// Declared in the order in which one needs the other.
struct dormouse_model {
  /// Throws Failure as engine::load_graph and Session do.
  dormouse_model(const dormouse_options& options, dormouse::engine::Graph graph);

  std::vector<std::shared_ptr<const dormouse::capi::CustomOperator>> operators;
  std::vector<dormouse::engine::ValueInfo> input_values, output_values;  ///< without their constants
  std::vector<dormouse_value> inputs, outputs;                           ///< lent
  std::unique_ptr<dormouse::engine::Session> session;
};
