#include "drivers/vulkan/api.h"

#include <dlfcn.h>

#include <type_traits>

namespace dormouse::drivers::vulkan {

std::optional<Loader> open_loader() {
  void* const library = ::dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) return std::nullopt;
  const auto get = reinterpret_cast<PFN_vkGetInstanceProcAddr>(::dlsym(library, "vkGetInstanceProcAddr"));
  if (!get) return std::nullopt;
  return Loader{get, reinterpret_cast<PFN_vkCreateInstance>(get(nullptr, "vkCreateInstance")),
                reinterpret_cast<PFN_vkEnumerateInstanceVersion>(get(nullptr, "vkEnumerateInstanceVersion"))};
}

InstanceApi::InstanceApi(const Loader& loader, VkInstance instance) {
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(loader.get(instance, name));
  };
  find(destroy_instance, "vkDestroyInstance");
  find(enumerate_devices, "vkEnumeratePhysicalDevices");
  find(properties, "vkGetPhysicalDeviceProperties2");
  find(features, "vkGetPhysicalDeviceFeatures2");
  find(memory_properties, "vkGetPhysicalDeviceMemoryProperties2");
  find(device_extensions, "vkEnumerateDeviceExtensionProperties");
  find(queue_families, "vkGetPhysicalDeviceQueueFamilyProperties");
  find(create_device, "vkCreateDevice");
  find(get, "vkGetDeviceProcAddr");
  find(matrix_properties, "vkGetPhysicalDeviceCooperativeMatrixPropertiesNV");
}

DeviceApi::DeviceApi(const InstanceApi& instance, VkDevice device) {
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(instance.get(device, name));
  };
  find(destroy_device, "vkDestroyDevice");
  find(get_queue, "vkGetDeviceQueue");
  find(submit, "vkQueueSubmit");
  find(wait_idle, "vkDeviceWaitIdle");
  find(create_buffer, "vkCreateBuffer");
  find(destroy_buffer, "vkDestroyBuffer");
  find(buffer_requirements, "vkGetBufferMemoryRequirements");
  find(allocate_memory, "vkAllocateMemory");
  find(free_memory, "vkFreeMemory");
  find(bind_memory, "vkBindBufferMemory");
  find(map_memory, "vkMapMemory");
  find(create_shader, "vkCreateShaderModule");
  find(destroy_shader, "vkDestroyShaderModule");
  find(create_set_layout, "vkCreateDescriptorSetLayout");
  find(destroy_set_layout, "vkDestroyDescriptorSetLayout");
  find(create_pipeline_layout, "vkCreatePipelineLayout");
  find(destroy_pipeline_layout, "vkDestroyPipelineLayout");
  find(create_cache, "vkCreatePipelineCache");
  find(cache_data, "vkGetPipelineCacheData");
  find(destroy_cache, "vkDestroyPipelineCache");
  find(create_pipelines, "vkCreateComputePipelines");
  find(destroy_pipeline, "vkDestroyPipeline");
  find(create_set_pool, "vkCreateDescriptorPool");
  find(destroy_set_pool, "vkDestroyDescriptorPool");
  find(allocate_sets, "vkAllocateDescriptorSets");
  find(update_sets, "vkUpdateDescriptorSets");
  find(create_command_pool, "vkCreateCommandPool");
  find(destroy_command_pool, "vkDestroyCommandPool");
  find(allocate_commands, "vkAllocateCommandBuffers");
  find(begin, "vkBeginCommandBuffer");
  find(end, "vkEndCommandBuffer");
  find(bind_pipeline, "vkCmdBindPipeline");
  find(bind_sets, "vkCmdBindDescriptorSets");
  find(push, "vkCmdPushConstants");
  find(dispatch, "vkCmdDispatch");
  find(barrier, "vkCmdPipelineBarrier");
  find(copy, "vkCmdCopyBuffer");
  find(fill, "vkCmdFillBuffer");
  find(create_query_pool, "vkCreateQueryPool");
  find(destroy_query_pool, "vkDestroyQueryPool");
  find(reset_queries, "vkCmdResetQueryPool");
  find(timestamp, "vkCmdWriteTimestamp");
  find(query_results, "vkGetQueryPoolResults");
  find(create_semaphore, "vkCreateSemaphore");
  find(destroy_semaphore, "vkDestroySemaphore");
  find(wait_semaphores, "vkWaitSemaphores");
}

}  // namespace dormouse::drivers::vulkan
