#pragma once

#include <functional>
#include <span>

#include "drivers/vulkan/recorder.h"

namespace dormouse::drivers::vulkan {

/// Where the memory lies that calls read and write: a set for each.
class Descriptors {
 public:
  using Where = std::function<VkDescriptorBufferInfo(Slot)>;

  Descriptors() = default;
  Descriptors(const Device& device, std::span<const Call> calls, std::span<const Pipeline> pipelines,
              const Where& where);

  std::span<const VkDescriptorSet> sets() const { return sets_; }

 private:
  Owned<VkDescriptorPool> pool_;
  std::vector<VkDescriptorSet> sets_;
};

/// Records one call.
void dispatch(const DeviceApi& api, VkCommandBuffer commands, const Call& call, const Pipeline& pipeline,
              VkDescriptorSet set);

}  // namespace dormouse::drivers::vulkan
