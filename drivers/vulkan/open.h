#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "config/error.h"
#include "engine/driver.h"

namespace dormouse::drivers::vulkan {

extern const bool kBuiltIn;  ///< false in a program that is linked fully statically

/// As VulkanDriver::Options have them.
struct OpenOptions {
  std::string device = {};
  std::filesystem::path cache = {}, tiles = {};
  std::chrono::nanoseconds tuning{0};
};

/// A driver, what people call its device, and what tells it, with its software, from all others.
struct Opened {
  const engine::Driver* driver = nullptr;
  std::string device, identity;
};

/// The driver for a device of this machine, for the process's life. It is
/// tried in a child process first, so that one that crashes or hangs does no harm. Error(unavailable), which
/// says why, when there is none that works, or this program was built without.
Result<Opened> open_driver(const OpenOptions& options);

}  // namespace dormouse::drivers::vulkan
