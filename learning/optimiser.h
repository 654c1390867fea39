#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "config/binder.h"
#include "engine/value.h"

namespace dormouse::learning {

using engine::Value;

enum class UpdateRule { sgd, adam, adamw, rmsprop, lion };

/// How gradients become updates. Each rule is an operator of the engine that says its formula.
struct OptimiserOptions {
  UpdateRule rule = UpdateRule::sgd;
  double momentum = 0.9;    ///< of sgd and rmsprop
  bool nesterov = false;    ///< of sgd
  double beta1 = 0.9;       ///< of adam, adamw and lion
  double beta2 = 0.999;     ///< of these; lion's authors take 0.99
  double alpha = 0.99;      ///< of rmsprop
  double epsilon = 1e-8;    ///< of adam, adamw and rmsprop
  double weight_decay = 0;  ///< of adamw and lion on the parameter itself, else added to the gradient
  double clip_norm = 0;     ///< gradients are scaled down to this norm, all taken together; 0: never
  double average = 0;       ///< share that an exponential moving average of the parameters keeps; 0: none
};

/// Keys as the fields are called; `rule` by its word.
void bind_options(config::Binder& binder, OptimiserOptions& options);

/// What is kept for each parameter between updates, by name: "velocity"; "first" and "second" moments;
/// "average". All start at 0 but the average, which starts as the parameter.
std::vector<std::string_view> state_names(const OptimiserOptions& options);

/// Parameters and their states after an update; states[k][i] is state k of parameter i.
struct Updated {
  std::vector<Value> parameters;
  std::vector<std::vector<Value>> states;
};

/// Appends the update of `parameters` by their `gradients`. `rate` and `step`, the number of the update
/// counted from 1, are scalars of the parameters' type. `states` as state_names() has them.
Updated append_update(const OptimiserOptions& options, const Updated& before,
                      std::span<const Value> gradients, Value rate, Value step);

}  // namespace dormouse::learning
