#include <algorithm>

#include "drivers/vulkan/device.h"

namespace dormouse::drivers::vulkan {

std::uint32_t Device::memory_type(std::uint32_t allowed, Use use) const {
  constexpr VkMemoryPropertyFlags local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                                  seen = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                         VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                                  cached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  std::vector<VkMemoryPropertyFlags> wanted;  // best first
  if (use == Use::device && unified_) wanted = {local | seen | cached, local | seen};
  if (use == Use::device) wanted.insert(wanted.end(), {local, 0});
  if (use == Use::upload) wanted = {seen};
  if (use == Use::download) wanted = {seen | cached, seen};
  for (const VkMemoryPropertyFlags flags : wanted)
    for (std::uint32_t i = 0; i < memories_.memoryTypeCount; ++i)
      if ((allowed >> i & 1) != 0 && (memories_.memoryTypes[i].propertyFlags & flags) == flags) return i;
  throw Failure(Errc::unavailable, "Vulkan: no memory of the kind that is needed");
}

/// Where the device's own memory is.
std::uint32_t Device::heap() const { return memories_.memoryTypes[memory_type(~0u, Use::device)].heapIndex; }

std::size_t Device::room() const {
  const std::uint32_t own = heap();
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{};
  budget.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT;
  VkPhysicalDeviceMemoryProperties2 memories{};
  memories.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2;
  if (tells_budget_) memories.pNext = &budget;
  instance_api_->memory_properties(physical_, &memories);
  const auto left = [](std::size_t all, std::size_t taken) { return all - std::min(all, taken); };
  const std::size_t free = tells_budget_ ? left(budget.heapBudget[own], budget.heapUsage[own])
                                         : left(memories.memoryProperties.memoryHeaps[own].size, allocated_);
  return std::min(free, left(limit_, allocated_));
}

Memory Device::allocate(std::size_t bytes, Use use) const {
  if (before_allocation_) before_allocation_(bytes);
  Memory made;
  made.bytes = bytes;
  VkBufferCreateInfo buffer_info{};
  buffer_info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  buffer_info.size = std::max<std::size_t>(bytes, 16);
  buffer_info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                      VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  const std::uint32_t families[] = {compute_->family(), queue(Lane::transfer).family()};
  if (families[0] != families[1]) {
    buffer_info.sharingMode = VK_SHARING_MODE_CONCURRENT;
    buffer_info.queueFamilyIndexCount = 2;
    buffer_info.pQueueFamilyIndices = families;
  }
  VkBuffer buffer = nullptr;
  check(api_->create_buffer(device_, &buffer_info, nullptr, &buffer), "a buffer");
  made.buffer = own(buffer, api_->destroy_buffer);
  VkMemoryRequirements needs{};
  api_->buffer_requirements(device_, buffer, &needs);
  VkMemoryAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  info.allocationSize = needs.size;
  info.memoryTypeIndex = memory_type(needs.memoryTypeBits, use);
  VkDeviceMemory memory = nullptr;
  check(api_->allocate_memory(device_, &info, nullptr, &memory),
        ("memory of " + name_ + ": " + std::to_string(needs.size) + " bytes").c_str());
  made.memory = own(memory, api_->free_memory);
  if (use == Use::device) {
    allocated_ += needs.size;
    made.counted = Counted(&allocated_, Subtract{needs.size});
  }
  check(api_->bind_memory(device_, buffer, memory, 0), "a buffer's memory");
  const VkMemoryPropertyFlags flags = memories_.memoryTypes[info.memoryTypeIndex].propertyFlags;
  const bool visible =
      (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) && (flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
  if (visible && (use != Use::device || unified_)) {
    void* at = nullptr;
    check(api_->map_memory(device_, memory, 0, VK_WHOLE_SIZE, 0, &at), "mapped memory");
    made.mapped = static_cast<std::byte*>(at);
  }
  return made;
}

void Device::copy(VkCommandBuffer commands, const Place& from, const Place& to, std::size_t bytes) const {
  const VkBufferCopy region{from.offset, to.offset, bytes};
  api_->copy(commands, from.buffer, to.buffer, 1, &region);
  ++copies_;
}

}  // namespace dormouse::drivers::vulkan
