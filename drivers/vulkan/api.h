#pragma once

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

#include <optional>

namespace dormouse::drivers::vulkan {

/// What the loader gives before there is an instance.
struct Loader {
  PFN_vkGetInstanceProcAddr get = nullptr;
  PFN_vkCreateInstance create_instance = nullptr;
  PFN_vkEnumerateInstanceVersion version = nullptr;
};

/// Opens libvulkan.so.1 for the process's life; nothing when there is none.
std::optional<Loader> open_loader();

/// Functions of an instance.
struct InstanceApi {
  InstanceApi(const Loader& loader, VkInstance instance);

  PFN_vkDestroyInstance destroy_instance;
  PFN_vkEnumeratePhysicalDevices enumerate_devices;
  PFN_vkGetPhysicalDeviceProperties2 properties;
  PFN_vkGetPhysicalDeviceFeatures2 features;
  PFN_vkGetPhysicalDeviceMemoryProperties2 memory_properties;
  PFN_vkEnumerateDeviceExtensionProperties device_extensions;
  PFN_vkGetPhysicalDeviceQueueFamilyProperties queue_families;
  PFN_vkCreateDevice create_device;
  PFN_vkGetDeviceProcAddr get;
  PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesNV matrix_properties;  ///< null where no device has any
};

/// Functions of a device, without a detour through the loader.
struct DeviceApi {
  DeviceApi(const InstanceApi& instance, VkDevice device);

  PFN_vkDestroyDevice destroy_device;
  PFN_vkGetDeviceQueue get_queue;
  PFN_vkQueueSubmit submit;
  PFN_vkDeviceWaitIdle wait_idle;
  PFN_vkCreateBuffer create_buffer;
  PFN_vkDestroyBuffer destroy_buffer;
  PFN_vkGetBufferMemoryRequirements buffer_requirements;
  PFN_vkAllocateMemory allocate_memory;
  PFN_vkFreeMemory free_memory;
  PFN_vkBindBufferMemory bind_memory;
  PFN_vkMapMemory map_memory;
  PFN_vkCreateShaderModule create_shader;
  PFN_vkDestroyShaderModule destroy_shader;
  PFN_vkCreateDescriptorSetLayout create_set_layout;
  PFN_vkDestroyDescriptorSetLayout destroy_set_layout;
  PFN_vkCreatePipelineLayout create_pipeline_layout;
  PFN_vkDestroyPipelineLayout destroy_pipeline_layout;
  PFN_vkCreatePipelineCache create_cache;
  PFN_vkGetPipelineCacheData cache_data;
  PFN_vkDestroyPipelineCache destroy_cache;
  PFN_vkCreateComputePipelines create_pipelines;
  PFN_vkDestroyPipeline destroy_pipeline;
  PFN_vkCreateDescriptorPool create_set_pool;
  PFN_vkDestroyDescriptorPool destroy_set_pool;
  PFN_vkAllocateDescriptorSets allocate_sets;
  PFN_vkUpdateDescriptorSets update_sets;
  PFN_vkCreateCommandPool create_command_pool;
  PFN_vkDestroyCommandPool destroy_command_pool;
  PFN_vkAllocateCommandBuffers allocate_commands;
  PFN_vkBeginCommandBuffer begin;
  PFN_vkEndCommandBuffer end;
  PFN_vkCmdBindPipeline bind_pipeline;
  PFN_vkCmdBindDescriptorSets bind_sets;
  PFN_vkCmdPushConstants push;
  PFN_vkCmdDispatch dispatch;
  PFN_vkCmdPipelineBarrier barrier;
  PFN_vkCmdCopyBuffer copy;
  PFN_vkCmdFillBuffer fill;
  PFN_vkCreateQueryPool create_query_pool;
  PFN_vkDestroyQueryPool destroy_query_pool;
  PFN_vkCmdResetQueryPool reset_queries;
  PFN_vkCmdWriteTimestamp timestamp;
  PFN_vkGetQueryPoolResults query_results;
  PFN_vkCreateSemaphore create_semaphore;
  PFN_vkDestroySemaphore destroy_semaphore;
  PFN_vkWaitSemaphores wait_semaphores;
};

}  // namespace dormouse::drivers::vulkan
