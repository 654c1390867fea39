#pragma once

#include <vector>

#include "engine/formats/onnx_upgrade.h"

namespace dormouse::engine {

/// Operators of the domain com.microsoft, which ONNX Runtime's quantiser and optimiser leave in the models
/// they write, spelt out in ONNX's own: a fused operator as its parts, a quantised one between
/// DequantizeLinear and QuantizeLinear. Those that are not known stay as they are. Throws
/// Failure(unsupported) naming what of a known one is not. Source of the definitions: ONNX Runtime,
/// docs/ContribOperators.md.
std::vector<OnnxNode> spell_out(OnnxNode node, const LookUp& look_up);

}  // namespace dormouse::engine
