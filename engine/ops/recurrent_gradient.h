#pragma once

#include "engine/ops/recurrent.h"

/// Gradients of RNN, GRU, LSTM and CfC: backpropagation through time (Werbos 1990), as a graph. The steps are
/// spelt out in operators that have gradients themselves, which are then differentiated; so the gradient has
/// one of its own, and takes a number of nodes that grows with the number of steps, which has to be known.
namespace dormouse::engine::recurrent {

/// What of a direction and a step its cell reads.
struct UnrolledStep {
  std::vector<Value> gates;      ///< of X·Wᵀ + biases of W, [batch, hidden] each
  Value h, c;                    ///< [batch, hidden]
  Value elapsed;                 ///< [batch, 1]; absent: 1
  Value recurrence;              ///< Rᵀ, [hidden, gates · hidden]
  std::vector<Value> bias;       ///< of R, [hidden] for each gate; empty without
  std::vector<Value> peepholes;  ///< [hidden] each; empty without
  const Attributes* attributes;
  std::span<const Activation<double>> activations;  ///< of the direction

  Value activate(std::size_t activation, Value x) const;
  /// from · Rᵀ + biases of R for the gates [first, first + count), one by one.
  std::vector<Value> recur(Value from, std::size_t first, std::size_t count) const;
};

struct UnrolledState {
  Value h, c;
};

using UnrolledCell = UnrolledState (*)(const UnrolledStep&);

Gradients gradient(const GradientContext& context, const Kind& kind, UnrolledCell cell);

}  // namespace dormouse::engine::recurrent
