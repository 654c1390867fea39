#pragma once

#include "drivers/vulkan/recorder.h"

namespace dormouse::drivers::vulkan {

/// Softmax of rows that lie one behind the other; `y` may be `x`.
void add_softmax(Recorder& recorder, std::int64_t rows, std::int64_t length, Slot x, Slot y);

}  // namespace dormouse::drivers::vulkan
