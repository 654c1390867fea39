#pragma once

#include "drivers/vulkan/recorder.h"

namespace dormouse::drivers::vulkan {

/// Records the dispatches of a partition's nodes, element-wise ones that follow each other as one where they
/// fit.
void emit_nodes(const engine::Partition& partition, Recorder& recorder);

}  // namespace dormouse::drivers::vulkan
