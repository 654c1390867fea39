#include "tests/drivers/vulkan_device.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

namespace dormouse::drivers {

std::string vulkan_device_name() {
  const char* const named = std::getenv("DORMOUSE_VULKAN_DEVICE");
  return named ? named : "cpu";
}

namespace {

/// Never closed: a device's own library may be gone by the end of the process.
const vulkan::VulkanDriver* open(bool staged, bool plain = false) {
  try {
    return new vulkan::VulkanDriver({.device = vulkan_device_name(), .staged = staged, .plain = plain});
  } catch (const Failure& failure) {
    WARN("nothing is checked on Vulkan: " << failure.what());
    return nullptr;
  }
}

}  // namespace

const vulkan::VulkanDriver* vulkan_device() {
  static const vulkan::VulkanDriver* const driver = open(false);
  return driver;
}

const vulkan::VulkanDriver* plain_vulkan_device() {
  static const vulkan::VulkanDriver* const driver = open(false, true);
  return driver;
}

const vulkan::VulkanDriver* staged_vulkan_device() {
  static const vulkan::VulkanDriver* const driver = open(true);
  return driver;
}

}  // namespace dormouse::drivers
