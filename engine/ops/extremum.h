#pragma once

#include "engine/ops/elementwise.h"

/// What Max and Min share.
namespace dormouse::engine {

/// The inputs that equal the output share what arrives.
Gradients extremum_gradient(const GradientContext& context);

}  // namespace dormouse::engine
