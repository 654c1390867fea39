#pragma once

#include <string>

#include "drivers/vulkan/driver.h"

namespace dormouse::drivers {

/// The device that tests run on: $DORMOUSE_VULKAN_DEVICE, or else one that runs on the CPU, as Mesa's
/// llvmpipe does. Null, with a warning, where there is none.
const vulkan::VulkanDriver* vulkan_device();
/// What `vulkan_device()` is asked for.
std::string vulkan_device_name();
/// The same device as if it had nothing that it need not have.
const vulkan::VulkanDriver* plain_vulkan_device();
/// The same device as if the host did not see its memory.
const vulkan::VulkanDriver* staged_vulkan_device();

}  // namespace dormouse::drivers
