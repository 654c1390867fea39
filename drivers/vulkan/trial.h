#pragma once

#include <chrono>
#include <span>

#include "drivers/vulkan/commands.h"
#include "drivers/vulkan/recorder.h"
#include "drivers/vulkan/stopwatch.h"

namespace dormouse::drivers::vulkan {

/// Runs calls on memory of its own, to see what they take. Not thread-safe.
class Trial {
 public:
  /// With slots of so many bytes. The device tells_time(). Throws Failure(unavailable) when it has not as
  /// much memory.
  Trial(Device& device, std::span<const std::size_t> slots);

  /// What the calls take one behind the other, by the device's clock: the least of some runs, of which there
  /// are fewer when one takes longer than `enough`.
  std::chrono::nanoseconds time(std::span<const Call> calls, std::chrono::nanoseconds enough);

 private:
  struct Slice {
    std::size_t offset, bytes;
  };
  std::chrono::nanoseconds run(std::span<const Call> calls, std::span<const Pipeline> pipelines,
                               std::span<const VkDescriptorSet> sets, std::size_t times);

  Device& device_;
  std::vector<Slice> slots_;
  Memory memory_;
  Stopwatch stopwatch_;
  Commands commands_;
};

}  // namespace dormouse::drivers::vulkan
