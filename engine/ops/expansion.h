#pragma once

#include "engine/ops/inference.h"

/// What Expand and BroadcastTo share.
namespace dormouse::engine {

/// Input 0 repeated to the output's shape.
Kernels expansion_kernels();

}  // namespace dormouse::engine
