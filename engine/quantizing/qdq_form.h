#pragma once

#include "engine/quantizing/calibration.h"
#include "engine/quantizing/choice.h"

namespace dormouse::engine {

/// `graph` with what `choice` says between QuantizeLinear and DequantizeLinear, scaled to `ranges`;
/// `activations` is u8 or i8.
Graph qdq_form(const Graph& graph, const QuantizationChoice& choice,
               const std::unordered_map<ValueId, Range>& ranges, DType activations);

}  // namespace dormouse::engine
