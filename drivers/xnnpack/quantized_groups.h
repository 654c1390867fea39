#pragma once

#include <vector>

#include "engine/driver.h"

namespace dormouse::drivers::xnnpack {

/// The nodes that compute `partition`, in order: where an operator stands between DequantizeLinear and
/// QuantizeLinear, and XNNPACK has it on 8-bit values, it is given those, and what nothing reads any more is
/// left out. XNNPACK rounds such results within one step of what the three operators give.
std::vector<engine::Node> quantized_nodes(const engine::Partition& partition);

}  // namespace dormouse::drivers::xnnpack
