#include "drivers/vulkan/queue.h"

#include <vector>

#include "drivers/vulkan/device.h"

namespace dormouse::drivers::vulkan {

Queue::Queue(const DeviceApi& api, VkDevice device, std::uint32_t family)
    : api_(api), device_(device), family_(family) {
  api.get_queue(device, family, 0, &queue_);
  VkSemaphoreTypeCreateInfo type{};
  type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  info.pNext = &type;
  VkSemaphore made = nullptr;
  check(api.create_semaphore(device, &info, nullptr, &made), "a timeline semaphore");
  timeline_ = {device, made, api.destroy_semaphore};
}

VkResult Queue::submit(std::span<const VkCommandBuffer> commands, std::span<const Moment> behind,
                       Moment& end) {
  std::vector<VkSemaphore> semaphores;
  std::vector<std::uint64_t> counts;
  for (const Moment& moment : behind) {
    if (!moment.queue) continue;
    semaphores.push_back(moment.queue->timeline_.get());
    counts.push_back(moment.count);
  }
  const std::vector<VkPipelineStageFlags> stages(counts.size(), VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
  const std::lock_guard lock(mutex_);
  const std::uint64_t next = given_ + 1;
  VkTimelineSemaphoreSubmitInfo timeline{};
  timeline.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
  timeline.waitSemaphoreValueCount = static_cast<std::uint32_t>(counts.size());
  timeline.pWaitSemaphoreValues = counts.data();
  timeline.signalSemaphoreValueCount = 1;
  timeline.pSignalSemaphoreValues = &next;
  VkSubmitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  info.pNext = &timeline;
  info.waitSemaphoreCount = timeline.waitSemaphoreValueCount;
  info.pWaitSemaphores = semaphores.data();
  info.pWaitDstStageMask = stages.data();
  info.commandBufferCount = static_cast<std::uint32_t>(commands.size());
  info.pCommandBuffers = commands.data();
  info.signalSemaphoreCount = 1;
  info.pSignalSemaphores = timeline_.address();
  const VkResult result = api_.submit(queue_, 1, &info, VK_NULL_HANDLE);
  if (result == VK_SUCCESS) end = {this, given_ = next};
  return result;
}

VkResult Queue::wait(std::uint64_t count, std::uint64_t patience) const {
  VkSemaphoreWaitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
  info.semaphoreCount = 1;
  info.pSemaphores = timeline_.address();
  info.pValues = &count;
  return api_.wait_semaphores(device_, &info, patience);
}

}  // namespace dormouse::drivers::vulkan
