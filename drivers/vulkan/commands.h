#pragma once

#include <array>

#include "drivers/vulkan/device.h"

namespace dormouse::drivers::vulkan {

/// A command buffer, recorded once and given to one of the device's queues as often as one likes, never while
/// it is still under way.
class Commands {
 public:
  explicit Commands(Device& device, Lane lane = Lane::compute);

  /// Forgets what was recorded and begins anew.
  void begin();
  void end();
  VkCommandBuffer get() const { return buffer_; }
  /// To their end.
  void run() { device_.wait(submit({})); }
  Moment submit(std::span<const Moment> behind) {
    return device_.submit(lane_, std::span(&buffer_, 1), behind);
  }
  /// The three one behind the other, at once.
  Moment submit_between(const Commands& before, const Commands& after, std::span<const Moment> behind) {
    return device_.submit(lane_, std::array{before.buffer_, buffer_, after.buffer_}, behind);
  }

 private:
  Device& device_;
  Lane lane_;
  Owned<VkCommandPool> pool_;
  VkCommandBuffer buffer_ = nullptr;
};

}  // namespace dormouse::drivers::vulkan
