#include "drivers/vulkan/descriptors.h"

namespace dormouse::drivers::vulkan {

Descriptors::Descriptors(const Device& device, std::span<const Call> calls,
                         std::span<const Pipeline> pipelines, const Where& where)
    : sets_(calls.size(), nullptr) {
  if (calls.empty()) return;
  std::uint32_t bindings = 0;
  for (const Call& call : calls) bindings += static_cast<std::uint32_t>(call.slots.size());
  const DeviceApi& api = device.api();
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, bindings};
  VkDescriptorPoolCreateInfo pool_info{};
  pool_info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
  pool_info.maxSets = static_cast<std::uint32_t>(calls.size());
  pool_info.poolSizeCount = 1;
  pool_info.pPoolSizes = &size;
  VkDescriptorPool pool = nullptr;
  check(api.create_set_pool(device.get(), &pool_info, nullptr, &pool), "a descriptor pool");
  pool_ = device.own(pool, api.destroy_set_pool);
  std::vector<VkDescriptorSetLayout> layouts;
  for (const Pipeline& pipeline : pipelines) layouts.push_back(pipeline.sets);
  VkDescriptorSetAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO;
  info.descriptorPool = pool;
  info.descriptorSetCount = static_cast<std::uint32_t>(layouts.size());
  info.pSetLayouts = layouts.data();
  check(api.allocate_sets(device.get(), &info, sets_.data()), "descriptors");
  for (std::size_t i = 0; i < calls.size(); ++i) {
    std::vector<VkDescriptorBufferInfo> buffers;
    for (const Slot slot : calls[i].slots) buffers.push_back(where(slot));
    VkWriteDescriptorSet write{};
    write.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
    write.dstSet = sets_[i];
    write.descriptorCount = static_cast<std::uint32_t>(buffers.size());
    write.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    write.pBufferInfo = buffers.data();
    api.update_sets(device.get(), 1, &write, 0, nullptr);
  }
}

void dispatch(const DeviceApi& api, VkCommandBuffer commands, const Call& call, const Pipeline& pipeline,
              VkDescriptorSet set) {
  api.bind_pipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.pipeline);
  api.bind_sets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.layout, 0, 1, &set, 0, nullptr);
  api.push(commands, pipeline.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, call.push.bytes(), call.push.data());
  api.dispatch(commands, call.groups.x, call.groups.y, call.groups.z);
}

}  // namespace dormouse::drivers::vulkan
