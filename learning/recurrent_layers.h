#pragma once

#include "learning/layers.h"

/// Layers of a model spec that take a sequence step by step: [N, rows] or [N, channels, rows] → [N, units]
/// after the last step, or [N, units, rows] after each.
///
///     - lstm: {units: 64}
///     - gru: {units: 64, output: sequence}
///     - cfc: {units: 64, times: true}        the last channel is the time since the sample before
///
/// Each is one operator, whose gradient goes back through all steps. Weights ~ U(±1/√units); the
/// forget gate of an LSTM begins open (bias 1, Jozefowicz et al. 2015). The GRU multiplies by its reset gate
/// behind the recurrent matrix (linear_before_reset), as other frameworks train it.
///
/// A sample at a time (LayerContext::stream) their state is hidden, and cell for an LSTM, [N, units] each.
namespace dormouse::learning {

engine::Value append_lstm(engine::Value x, const config::Node& options, LayerContext& context);
engine::Value append_gru(engine::Value x, const config::Node& options, LayerContext& context);
/// Closed-form continuous-time (engine/ops/cfc.cpp). Without times samples are evenly spaced, 1 apart.
engine::Value append_cfc(engine::Value x, const config::Node& options, LayerContext& context);

}  // namespace dormouse::learning
