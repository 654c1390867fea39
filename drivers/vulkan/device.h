#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/error.h"
#include "drivers/vulkan/owned.h"
#include "drivers/vulkan/queue.h"
#include "drivers/vulkan/shaders.h"

namespace dormouse::drivers::vulkan {

/// Throws Failure(unavailable), or Failure(too_large) where there is no memory left, naming `what` and the
/// result, unless it is a success.
void check(VkResult result, const char* what);

/// Which of the machine's devices: its number ("0"), its type ("discrete", "integrated", "virtual", "cpu") or
/// a part of its name; empty: the first that is no CPU, discrete ones before others.
struct DeviceOptions {
  std::string choice;
  std::filesystem::path cache = {};  ///< folder for compiled pipelines; empty: they are not kept
  bool staged = false;               ///< the device's own memory is not mapped
  std::size_t memory = SIZE_MAX;     ///< bytes of it that are used at most
  /// Called before so many bytes are taken; what it throws, taking them does.
  std::function<void(std::size_t)> before_allocation = {};
  std::function<bool()> loses = {};  ///< asked before work is given to it: whether the device is lost now
  bool plain = false;                ///< of what a device need not have, nothing is used
  bool matrices = true;              ///< units for matrices are used, where there are any
};

/// How a device computes with f16 itself.
enum class Halves : std::uint8_t {
  none,      ///< not at all
  lanes,     ///< thread by thread
  matrices,  ///< by units that multiply blocks of 16 x 16, for subgroups of 32 threads
};

/// Which of a device's queues: where it has none for copies alone, both are one.
enum class Lane : std::uint8_t { compute, transfer };

/// Bytes that are part of a sum for as long as this is there.
struct Subtract {
  std::size_t bytes = 0;
  void operator()(std::atomic<std::size_t>* sum) const { *sum -= bytes; }
};
using Counted = std::unique_ptr<std::atomic<std::size_t>, Subtract>;

/// A buffer with memory of its own.
struct Memory {
  Owned<VkDeviceMemory> memory;
  Owned<VkBuffer> buffer;
  std::size_t bytes = 0;
  std::byte* mapped = nullptr;  ///< where the host sees it, or null
  Counted counted = {};
};

/// Where bytes lie on a device.
struct Place {
  VkBuffer buffer = nullptr;
  std::size_t offset = 0;
};

struct Pipeline {
  VkPipeline pipeline;
  VkPipelineLayout layout;
  VkDescriptorSetLayout sets;
};

/// A device with its queues, and what all programs on it share: the compiled pipelines. Thread-safe.
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
  const Queue& queue(Lane lane) const { return lane == Lane::transfer && transfer_ ? *transfer_ : *compute_; }
  const VkPhysicalDeviceLimits& limits() const { return properties_.limits; }

  /// Threads of a subgroup reduce among themselves.
  bool subgroups_add() const { return subgroups_add_; }
  bool stores_halves() const { return stores_halves_; }
  Halves multiplies_halves() const { return multiplies_halves_; }
  bool tells_time() const { return tells_time_; }
  /// Work groups of a few hundred threads that keep it busy.
  std::uint32_t enough_groups() const { return enough_groups_; }

  enum class Use : std::uint8_t { device, upload, download };
  /// Throws Failure(too_large) when there is no memory left. Not to outlive the device.
  Memory allocate(std::size_t bytes, Use use) const;
  /// Bytes that are taken now, and those that still may be, of the device's own memory.
  std::size_t allocated() const { return allocated_; }
  std::size_t room() const;
  /// Whether its memory is the host's, too: what lies there is written and read in place.
  bool unified() const { return unified_; }

  /// Another one each time.
  std::uint64_t next_number() { return ++numbers_; }

  /// Records a copy.
  void copy(VkCommandBuffer commands, const Place& from, const Place& to, std::size_t bytes) const;
  /// Recorded so far.
  std::size_t copies() const { return copies_; }

  /// The shader with these specialisation constants, the first being the size of its work groups.
  Pipeline pipeline(Shader shader, const std::vector<std::uint32_t>& constants);

  /// Gives recorded commands to a queue, to begin when the moments `behind` have come; returns their end.
  /// Throws Failure(unavailable) when they are not taken; the device is lost then.
  Moment submit(Lane lane, std::span<const VkCommandBuffer> commands, std::span<const Moment> behind);
  /// Until the moment has come. Throws Failure(unavailable) when it does not; the device is lost then.
  void wait(const Moment& moment) const;
  /// The same, for those who only want to be sure that nothing is under way any more.
  void settle(const Moment& moment) const noexcept;
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
  void open_queues(std::span<const VkQueueFamilyProperties> families);
  bool extends(std::string_view name) const;
  Halves find_halves(bool matrices) const;
  [[noreturn]] void lose(VkResult result) const;
  std::uint32_t memory_type(std::uint32_t allowed, Use use) const;
  std::uint32_t heap() const;
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
  Halves multiplies_halves_ = Halves::none;
  std::uint32_t subgroup_size_ = 0;
  std::uint32_t enough_groups_ = 128;
  bool unified_ = false;       ///< the host writes and reads the device's own memory as fast as its own
  bool tells_budget_ = false;  ///< how much memory is free for us
  std::size_t limit_ = SIZE_MAX;
  std::function<void(std::size_t)> before_allocation_;
  mutable std::atomic<std::size_t> allocated_ = 0, copies_ = 0;
  std::atomic<std::uint64_t> numbers_ = 0;
  VkDevice device_ = nullptr;
  std::unique_ptr<DeviceApi> api_;
  std::unique_ptr<Queue> compute_, transfer_;  ///< transfer_: null where there is none of its own
  std::function<bool()> loses_;
  std::mutex pipeline_mutex_;
  mutable std::atomic<bool> lost_ = false;
  std::filesystem::path cache_file_;
  bool cache_grown_ = false;
  Owned<VkPipelineCache> cache_;
  std::map<std::uint32_t, Owned<VkDescriptorSetLayout>> set_layouts_;  // by bindings
  std::map<std::uint32_t, Owned<VkPipelineLayout>> layouts_;
  std::map<Shader, Owned<VkShaderModule>> modules_;
  std::map<std::pair<Shader, std::vector<std::uint32_t>>, Owned<VkPipeline>> pipelines_;
};

}  // namespace dormouse::drivers::vulkan
