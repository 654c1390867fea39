#pragma once

#include "drivers/operands.h"
#include "drivers/vulkan/kernel.h"

namespace dormouse::drivers::vulkan {

inline std::uint32_t word(std::int64_t value) { return static_cast<std::uint32_t>(value); }

}  // namespace dormouse::drivers::vulkan
