#pragma once

#include "engine/driver.h"

/// Which partitions XNNPACK computes with halves.
namespace dormouse::drivers::xnnpack {

/// Whether this CPU multiplies halves itself, at twice the rate of f32; others convert them to f32 and back
/// at every step.
bool multiplies_halves();

/// Whether all that the nodes compute was of f16 in the model, and is of what f16 holds as well: products,
/// pools, element-wise operators and Softmax, not normalisations, whose squares leave its range.
bool is_of_halves(const engine::Partition& partition);

}  // namespace dormouse::drivers::xnnpack
