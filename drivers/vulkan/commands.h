#pragma once

#include <array>

#include "drivers/vulkan/device.h"

namespace dormouse::drivers::vulkan {

/// A command buffer, and what it takes to run it. Not thread-safe.
class Commands {
 public:
  explicit Commands(Device& device);

  /// Forgets what was recorded and begins anew.
  void begin();
  void end();
  VkCommandBuffer get() const { return buffer_; }
  void run() { device_.run(std::span(&buffer_, 1), fence_.get()); }
  /// The three one behind the other, at once.
  void run_between(const Commands& before, const Commands& after) {
    device_.run(std::array{before.buffer_, buffer_, after.buffer_}, fence_.get());
  }

 private:
  Device& device_;
  Owned<VkCommandPool> pool_;
  Owned<VkFence> fence_;
  VkCommandBuffer buffer_ = nullptr;
};

}  // namespace dormouse::drivers::vulkan
