#include "drivers/vulkan/commands.h"

namespace dormouse::drivers::vulkan {

Commands::Commands(Device& device, Lane lane) : device_(device), lane_(lane) {
  const DeviceApi& api = device.api();
  VkCommandPoolCreateInfo pool_info{};
  pool_info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  pool_info.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  pool_info.queueFamilyIndex = device.queue(lane).family();
  VkCommandPool pool = nullptr;
  check(api.create_command_pool(device.get(), &pool_info, nullptr, &pool), "a command pool");
  pool_ = device.own(pool, api.destroy_command_pool);
  VkCommandBufferAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  info.commandPool = pool;
  info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  info.commandBufferCount = 1;
  check(api.allocate_commands(device.get(), &info, &buffer_), "a command buffer");
}

void Commands::begin() {
  VkCommandBufferBeginInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  check(device_.api().begin(buffer_, &info), "recording");
}

void Commands::end() { check(device_.api().end(buffer_), "recorded commands"); }

}  // namespace dormouse::drivers::vulkan
