#include "tests/drivers/vulkan_device.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

namespace dormouse::drivers {

const vulkan::VulkanDriver* vulkan_device() {
  static std::string why;
  // Never closed: a device's own library may be gone by the end of the process.
  static const vulkan::VulkanDriver* const driver = []() -> const vulkan::VulkanDriver* {
    const char* const named = std::getenv("DORMOUSE_VULKAN_DEVICE");
    try {
      return new vulkan::VulkanDriver({.device = named ? named : "cpu"});
    } catch (const Failure& failure) {
      why = failure.what();
      return nullptr;
    }
  }();
  if (!driver) WARN("nothing is checked on Vulkan: " << why);
  return driver;
}

}  // namespace dormouse::drivers
