#pragma once

#include <chrono>
#include <vector>

#include "drivers/vulkan/device.h"

namespace dormouse::drivers::vulkan {

/// When a device gets to places in recorded commands, by its own clock.
class Stopwatch {
 public:
  /// For so many places; the device tells_time().
  Stopwatch(const Device& device, std::uint32_t places);

  /// Recorded before the first mark.
  void reset(VkCommandBuffer commands) const;
  /// Records place `i`: what came before has been done then.
  void mark(VkCommandBuffer commands, std::uint32_t i) const;
  /// From each place to the next, of a run that has ended.
  std::vector<std::chrono::nanoseconds> laps() const;

 private:
  const Device& device_;
  std::uint32_t places_;
  Owned<VkQueryPool> pool_;
};

}  // namespace dormouse::drivers::vulkan
