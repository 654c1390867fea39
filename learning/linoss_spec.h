#pragma once

#include "learning/layers.h"

namespace dormouse::learning {

/// The layer `linoss` of a model spec: encoder and blocks of learning/linoss_network.h and the mean over
/// time, [N, rows] or [N, channels, rows] → [N, hidden]; or what it is after the last sample; or [N, hidden,
/// rows].
///
///     - linoss: {hidden: 64, oscillators: 64, blocks: 2, discretisation: damped, output: mean}
///
/// `discretisation` is damped (D-LinOSS), im or imex; `least_damping` and `least_stiffness` are its limits.
engine::Value append_linoss(engine::Value x, const config::Node& options, LayerContext& context);

}  // namespace dormouse::learning
