#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "config/error.h"
#include "drivers/vulkan/owned.h"
#include "drivers/vulkan/shaders.h"

namespace dormouse::drivers::vulkan {

/// Throws Failure(unavailable) naming `what` and the result unless it is a success.
void check(VkResult result, const char* what);

/// Which of the machine's devices: its number ("0"), its type ("discrete", "integrated", "virtual", "cpu") or
/// a part of its name; empty: the first that is no CPU, discrete ones before others.
struct DeviceOptions {
  std::string choice;
  std::filesystem::path cache = {};  ///< folder for compiled pipelines; empty: they are not kept
  bool staged = false;               ///< the device's own memory is not mapped
  bool plain = false;                ///< of what a device need not have, nothing is used
};

/// A buffer with memory of its own.
struct Memory {
  Owned<VkDeviceMemory> memory;
  Owned<VkBuffer> buffer;
  std::size_t bytes = 0;
  std::byte* mapped = nullptr;  ///< where the host sees it, or null
};

struct Pipeline {
  VkPipeline pipeline;
  VkPipelineLayout layout;
  VkDescriptorSetLayout sets;
};

/// A device with one queue, and what all programs on it share: the compiled pipelines. Thread-safe.
class Device {
 public:
  /// Throws Failure(unavailable) when there is no such device, saying what there is.
  explicit Device(const DeviceOptions& options);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const std::string& name() const { return name_; }
  const std::string& uuid() const { return uuid_; }  ///< of the device's software: its pipeline cache's
  /// Of the device and its software: what was measured on another one says nothing here.
  const std::string& identity() const { return identity_; }
  bool is_cpu() const { return properties_.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU; }
  const DeviceApi& api() const { return *api_; }
  VkDevice get() const { return device_; }
  std::uint32_t queue_family() const { return family_; }
  const VkPhysicalDeviceLimits& limits() const { return properties_.limits; }

  /// Threads of a subgroup reduce among themselves.
  bool subgroups_add() const { return subgroups_add_; }
  bool stores_halves() const { return stores_halves_; }
  bool tells_time() const { return tells_time_; }
  /// Work groups of a few hundred threads that keep it busy.
  std::uint32_t enough_groups() const { return enough_groups_; }

  enum class Use : std::uint8_t { device, upload, download };
  Memory allocate(std::size_t bytes, Use use) const;

  /// The shader with these specialisation constants, the first being the size of its work groups.
  Pipeline pipeline(Shader shader, const std::vector<std::uint32_t>& constants);

  /// Runs recorded commands to their end. Throws Failure(unavailable) when they do not get there; the device
  /// is lost then.
  void run(std::span<const VkCommandBuffer> commands, VkFence fence);
  bool lost() const { return lost_; }

  /// Keeps what pipelines were compiled since it was last called, where there is a cache.
  void save_pipelines();

  template <class T>
  Owned<T> own(T handle, typename Owned<T>::Destroy destroy) const {
    return {device_, handle, destroy};
  }

 private:
  void choose(const std::string& choice);
  void open();
  void load_pipelines(const std::filesystem::path& folder);
  std::uint32_t memory_type(std::uint32_t allowed, Use use) const;
  const Owned<VkPipelineLayout>& layout(std::uint32_t bindings);
  Owned<VkPipeline> compile(Shader shader, const std::vector<std::uint32_t>& constants,
                            VkPipelineCache cache);

  Loader loader_;
  VkInstance instance_ = nullptr;
  std::unique_ptr<InstanceApi> instance_api_;
  VkPhysicalDevice physical_ = nullptr;
  VkPhysicalDeviceProperties properties_{};
  VkPhysicalDeviceMemoryProperties memories_{};
  std::string name_, uuid_, identity_;
  std::uint64_t patience_ = 0;  ///< ns that a run may take
  bool tells_time_ = false;
  bool subgroups_add_ = false;
  bool stores_halves_ = true;
  std::uint32_t enough_groups_ = 128;
  bool unified_ = false;  ///< the host writes and reads the device's own memory as fast as its own
  std::uint32_t family_ = 0;
  VkDevice device_ = nullptr;
  std::unique_ptr<DeviceApi> api_;
  VkQueue queue_ = nullptr;
  std::mutex queue_mutex_, pipeline_mutex_;
  std::atomic<bool> lost_ = false;
  std::filesystem::path cache_file_;
  bool cache_grown_ = false;
  Owned<VkPipelineCache> cache_;
  std::map<std::uint32_t, Owned<VkDescriptorSetLayout>> set_layouts_;  // by bindings
  std::map<std::uint32_t, Owned<VkPipelineLayout>> layouts_;
  std::map<Shader, Owned<VkShaderModule>> modules_;
  std::map<std::pair<Shader, std::vector<std::uint32_t>>, Owned<VkPipeline>> pipelines_;
};

}  // namespace dormouse::drivers::vulkan
