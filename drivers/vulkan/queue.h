#pragma once

#include <cstdint>
#include <mutex>
#include <span>

#include "drivers/vulkan/owned.h"

namespace dormouse::drivers::vulkan {

class Queue;

/// A point of a queue's work: what was given to it until then. None: it has passed.
struct Moment {
  const Queue* queue = nullptr;
  std::uint64_t count = 0;
};

/// Work that a device does in the order in which it is given. Thread-safe.
class Queue {
 public:
  Queue(const DeviceApi& api, VkDevice device, std::uint32_t family);

  /// Begins when the moments `behind`, of any of the device's queues, have come. The last moment of it goes
  /// to `end` unless it fails.
  VkResult submit(std::span<const VkCommandBuffer> commands, std::span<const Moment> behind, Moment& end);
  /// Until the moment has come, or so many nanoseconds are over.
  VkResult wait(std::uint64_t count, std::uint64_t patience) const;
  std::uint32_t family() const { return family_; }

 private:
  const DeviceApi& api_;
  VkDevice device_;
  std::uint32_t family_;
  VkQueue queue_ = nullptr;
  Owned<VkSemaphore> timeline_;
  std::mutex mutex_;
  std::uint64_t given_ = 0;
};

}  // namespace dormouse::drivers::vulkan
