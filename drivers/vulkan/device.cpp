#include "drivers/vulkan/device.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <iterator>

#include "config/log.h"
#include "engine/formats/atomic_file.h"

namespace dormouse::drivers::vulkan {
namespace {

// ns; then the device hangs. A CPU that plays one compiles shaders in their first run.
constexpr std::uint64_t kPatience = 60'000'000'000, kMorePatience = 10 * kPatience;
constexpr std::uint32_t kPushBytes = 128;  // every device has as many
constexpr std::uint32_t kBindings = 9;     // that one of our shaders has at most

std::string word(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return "discrete";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return "integrated";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return "virtual";
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return "cpu";
    default:
      return "other";
  }
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// 0: not chosen; the best has the most.
int score(const VkPhysicalDeviceProperties& device, std::size_t index, const std::string& choice) {
  const std::string type = word(device.deviceType);
  if (choice.empty())
    return type == "discrete"     ? 4
           : type == "integrated" ? 3
           : type == "virtual"    ? 2
           : type == "other"      ? 1
                                  : 0;
  return choice == std::to_string(index) || lower(choice) == type ||
         lower(device.deviceName).find(lower(choice)) != std::string::npos;
}

std::string hexadecimal(std::span<const std::uint8_t> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) text += {digits[byte >> 4], digits[byte & 15]};
  return text;
}

bool add(const VkPhysicalDeviceSubgroupProperties& subgroups) {
  constexpr VkSubgroupFeatureFlags needed =
      VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_ARITHMETIC_BIT;
  return (subgroups.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0 &&
         (subgroups.supportedOperations & needed) == needed;
}

/// Features that computing with f16 takes, in a chain: to be asked for, or to be enabled. What a device does
/// not know is FALSE.
struct HalfFeatures {
  HalfFeatures() {
    small.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES;
    memory.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES;
    units.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_NV;
    small.pNext = &memory;
  }
  HalfFeatures(const HalfFeatures&) = delete;
  HalfFeatures& operator=(const HalfFeatures&) = delete;
  void add_units() { memory.pNext = &units; }

  VkPhysicalDeviceShaderFloat16Int8Features small{};
  VkPhysicalDeviceVulkanMemoryModelFeatures memory{};  ///< that shaders for the units are written for
  VkPhysicalDeviceCooperativeMatrixFeaturesNV units{};
};

VkInstance make_instance(const Loader& loader) {
  std::uint32_t version = VK_API_VERSION_1_0;
  if (loader.version) loader.version(&version);
  if (version < VK_API_VERSION_1_2) throw Failure(Errc::unavailable, "the Vulkan loader is older than 1.2");
  const VkApplicationInfo application{.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                      .pNext = nullptr,
                                      .pApplicationName = "dormouse",
                                      .applicationVersion = 0,
                                      .pEngineName = nullptr,
                                      .engineVersion = 0,
                                      .apiVersion = VK_API_VERSION_1_2};
  VkInstanceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  info.pApplicationInfo = &application;
  VkInstance instance = nullptr;
  check(loader.create_instance(&info, nullptr, &instance), "an instance");
  return instance;
}

}  // namespace

void check(VkResult result, const char* what) {
  if (result >= VK_SUCCESS) return;
  const bool full = result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY ||
                    result == VK_ERROR_TOO_MANY_OBJECTS;
  throw Failure(full ? Errc::too_large : Errc::unavailable,
                std::string("Vulkan: ") + what + ": error " + std::to_string(static_cast<int>(result)));
}

Device::Device(const DeviceOptions& options) {
  const std::optional<Loader> loader = open_loader();
  if (!loader) throw Failure(Errc::unavailable, "there is no libvulkan.so.1");
  loader_ = *loader;
  instance_ = make_instance(loader_);
  instance_api_ = std::make_unique<InstanceApi>(loader_, instance_);
  try {
    choose(options.choice);
    unified_ = unified_ && !options.staged;
    limit_ = options.memory;
    before_allocation_ = options.before_allocation;
    loses_ = options.loses;
    subgroups_add_ = subgroups_add_ && !options.plain;
    stores_halves_ = !options.plain;
    if (!options.plain) multiplies_halves_ = find_halves(options.matrices);
    open();
    load_pipelines(options.cache);
  } catch (...) {
    compute_.reset();
    transfer_.reset();
    if (device_) api_->destroy_device(device_, nullptr);
    instance_api_->destroy_instance(instance_, nullptr);
    throw;
  }
}

Device::~Device() {
  api_->wait_idle(device_);
  pipelines_.clear();
  modules_.clear();
  layouts_.clear();
  set_layouts_.clear();
  cache_ = {};
  compute_.reset();
  transfer_.reset();
  api_->destroy_device(device_, nullptr);
  instance_api_->destroy_instance(instance_, nullptr);
}

void Device::choose(const std::string& choice) {
  std::uint32_t count = 0;
  check(instance_api_->enumerate_devices(instance_, &count, nullptr), "the devices");
  std::vector<VkPhysicalDevice> devices(count);
  check(instance_api_->enumerate_devices(instance_, &count, devices.data()), "the devices");
  int best = 0;
  std::string seen;
  bool software = false;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    VkPhysicalDeviceIDProperties id{};
    id.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES;
    VkPhysicalDeviceSubgroupProperties subgroups{};
    subgroups.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES;
    subgroups.pNext = &id;
    VkPhysicalDeviceProperties2 all{};
    all.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
    all.pNext = &subgroups;
    instance_api_->properties(devices[i], &all);
    const VkPhysicalDeviceProperties& device = all.properties;
    seen += (i ? ", " : "") + std::to_string(i) + " '" + device.deviceName + "' (" + word(device.deviceType) +
            ")";
    software = software || device.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
    const bool fits = device.apiVersion >= VK_API_VERSION_1_2 &&
                      device.limits.maxPerStageDescriptorStorageBuffers >= kBindings &&
                      device.limits.maxComputeWorkGroupInvocations >= 256;
    const int points = fits ? score(device, i, choice) : 0;
    if (points <= best) continue;
    best = points;
    physical_ = devices[i];
    properties_ = device;
    subgroups_add_ = add(subgroups);
    subgroup_size_ = subgroups.subgroupSize;
    uuid_ = hexadecimal(id.driverUUID) + hexadecimal(device.pipelineCacheUUID);
    identity_ = uuid_ + " " + hexadecimal(id.deviceUUID) + " " + std::to_string(device.driverVersion);
  }
  if (!physical_)
    throw Failure(
        Errc::unavailable,
        (choice.empty() ? "no GPU" : "no device '" + choice + "'") +
            std::string(" with Vulkan 1.2; there is ") + (seen.empty() ? "none" : seen) +
            (choice.empty() && software ? ", and what runs on the CPU is only taken as device cpu" : ""));
  name_ = properties_.deviceName;
  if (properties_.deviceType == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU) enough_groups_ = 512;
  patience_ = properties_.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU ? kMorePatience : kPatience;
  VkPhysicalDeviceMemoryProperties2 memories{};
  memories.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2;
  instance_api_->memory_properties(physical_, &memories);
  memories_ = memories.memoryProperties;
  unified_ = properties_.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU ||
             properties_.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
}

bool Device::extends(std::string_view name) const {
  std::uint32_t count = 0;
  check(instance_api_->device_extensions(physical_, nullptr, &count, nullptr), "the extensions");
  std::vector<VkExtensionProperties> all(count);
  check(instance_api_->device_extensions(physical_, nullptr, &count, all.data()), "the extensions");
  return std::ranges::any_of(
      all, [&](const VkExtensionProperties& extension) { return name == extension.extensionName; });
}

Halves Device::find_halves(bool matrices) const {
  HalfFeatures has;
  if (extends(VK_NV_COOPERATIVE_MATRIX_EXTENSION_NAME)) has.add_units();
  VkPhysicalDeviceFeatures2 all{};
  all.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  all.pNext = &has.small;
  instance_api_->features(physical_, &all);
  if (has.small.shaderFloat16 == VK_FALSE) return Halves::none;
  if (!matrices || has.units.cooperativeMatrix == VK_FALSE || has.memory.vulkanMemoryModel == VK_FALSE ||
      subgroup_size_ != 32 || !instance_api_->matrix_properties)
    return Halves::lanes;
  VkPhysicalDeviceCooperativeMatrixPropertiesNV stages{};
  stages.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_NV;
  VkPhysicalDeviceProperties2 properties{};
  properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  properties.pNext = &stages;
  instance_api_->properties(physical_, &properties);
  if ((stages.cooperativeMatrixSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT) == 0) return Halves::lanes;
  std::uint32_t count = 0;
  check(instance_api_->matrix_properties(physical_, &count, nullptr), "the units for matrices");
  std::vector<VkCooperativeMatrixPropertiesNV> kinds(count);
  for (VkCooperativeMatrixPropertiesNV& kind : kinds)
    kind.sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_NV;
  check(instance_api_->matrix_properties(physical_, &count, kinds.data()), "the units for matrices");
  const bool ours = std::ranges::any_of(kinds, [](const VkCooperativeMatrixPropertiesNV& kind) {
    return kind.MSize == 16 && kind.NSize == 16 && kind.KSize == 16 &&
           kind.AType == VK_COMPONENT_TYPE_FLOAT16_NV && kind.BType == VK_COMPONENT_TYPE_FLOAT16_NV &&
           kind.CType == VK_COMPONENT_TYPE_FLOAT32_NV && kind.DType == VK_COMPONENT_TYPE_FLOAT32_NV &&
           kind.scope == VK_SCOPE_SUBGROUP_NV;
  });
  return ours ? Halves::matrices : Halves::lanes;
}

void Device::open() {
  std::uint32_t count = 0;
  instance_api_->queue_families(physical_, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  instance_api_->queue_families(physical_, &count, families.data());
  open_queues(families);
}

void Device::open_queues(std::span<const VkQueueFamilyProperties> families) {
  const auto find = [&](auto fits) {
    const auto found = std::ranges::find_if(
        families, [&](const VkQueueFamilyProperties& family) { return fits(family.queueFlags); });
    return static_cast<std::uint32_t>(found - families.begin());
  };
  const std::uint32_t compute = find([](VkQueueFlags flags) { return (flags & VK_QUEUE_COMPUTE_BIT) != 0; });
  const std::uint32_t transfer = find(
      [](VkQueueFlags flags) { return (flags & ~VK_QUEUE_SPARSE_BINDING_BIT) == VK_QUEUE_TRANSFER_BIT; });
  if (compute == families.size()) throw Failure(Errc::unavailable, name_ + " does not compute");
  const bool both = transfer < families.size();
  tells_time_ = families[compute].timestampValidBits > 0;
  const float priority = 1;
  std::vector<VkDeviceQueueCreateInfo> queues(both ? 2 : 1);
  for (VkDeviceQueueCreateInfo& queue : queues) {
    queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
    queue.queueFamilyIndex = &queue == queues.data() ? compute : transfer;
    queue.queueCount = 1;
    queue.pQueuePriorities = &priority;
  }
  VkPhysicalDeviceTimelineSemaphoreFeatures timelines{};
  timelines.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES;
  timelines.timelineSemaphore = VK_TRUE;  // which every device of 1.2 has
  const bool matrices = multiplies_halves_ == Halves::matrices;
  HalfFeatures wanted;
  wanted.small.shaderFloat16 = VK_TRUE;
  wanted.memory.vulkanMemoryModel = wanted.units.cooperativeMatrix = matrices ? VK_TRUE : VK_FALSE;
  if (matrices) wanted.add_units();
  if (multiplies_halves_ != Halves::none) timelines.pNext = &wanted.small;
  VkDeviceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  info.pNext = &timelines;
  info.queueCreateInfoCount = static_cast<std::uint32_t>(queues.size());
  info.pQueueCreateInfos = queues.data();
  std::vector<const char*> extensions;
  tells_budget_ = extends(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  if (tells_budget_) extensions.push_back(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  if (matrices) extensions.push_back(VK_NV_COOPERATIVE_MATRIX_EXTENSION_NAME);
  info.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  check(instance_api_->create_device(physical_, &info, nullptr, &device_), "a device");
  api_ = std::make_unique<DeviceApi>(*instance_api_, device_);
  compute_ = std::make_unique<Queue>(*api_, device_, compute);
  if (both) transfer_ = std::make_unique<Queue>(*api_, device_, transfer);
}

void Device::load_pipelines(const std::filesystem::path& folder) {
  std::string kept;
  if (!folder.empty()) {
    cache_file_ = folder / ("vulkan-" + uuid_);
    std::ifstream file(cache_file_, std::ios::binary);
    kept.assign(std::istreambuf_iterator<char>(file), {});
  }
  VkPipelineCacheCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO;
  info.initialDataSize = kept.size();
  info.pInitialData = kept.data();
  VkPipelineCache cache = nullptr;
  check(api_->create_cache(device_, &info, nullptr, &cache), "a pipeline cache");
  cache_ = own(cache, api_->destroy_cache);
}

void Device::save_pipelines() {
  const std::lock_guard lock(pipeline_mutex_);
  if (cache_file_.empty() || !std::exchange(cache_grown_, false)) return;
  std::size_t size = 0;
  if (api_->cache_data(device_, cache_.get(), &size, nullptr) != VK_SUCCESS) return;
  std::vector<std::byte> data(size);
  if (api_->cache_data(device_, cache_.get(), &size, data.data()) != VK_SUCCESS) return;
  try {
    std::filesystem::create_directories(cache_file_.parent_path());
    engine::write_file(cache_file_.string(),
                       std::string_view(reinterpret_cast<const char*>(data.data()), size));
  } catch (const std::exception& error) {
    log(Level::warning, std::string("vulkan: compiled pipelines are not kept: ") + error.what());
    cache_file_.clear();
  }
}

const Owned<VkPipelineLayout>& Device::layout(std::uint32_t bindings) {
  Owned<VkPipelineLayout>& made = layouts_[bindings];
  if (made.get()) return made;
  std::vector<VkDescriptorSetLayoutBinding> all;
  for (std::uint32_t i = 0; i < bindings; ++i)
    all.push_back({i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr});
  VkDescriptorSetLayoutCreateInfo set_info{};
  set_info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO;
  set_info.bindingCount = bindings;
  set_info.pBindings = all.data();
  VkDescriptorSetLayout sets = nullptr;
  check(api_->create_set_layout(device_, &set_info, nullptr, &sets), "a descriptor layout");
  set_layouts_[bindings] = own(sets, api_->destroy_set_layout);
  const VkPushConstantRange push{VK_SHADER_STAGE_COMPUTE_BIT, 0, kPushBytes};
  VkPipelineLayoutCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
  info.setLayoutCount = 1;
  info.pSetLayouts = &sets;
  info.pushConstantRangeCount = 1;
  info.pPushConstantRanges = &push;
  VkPipelineLayout layout = nullptr;
  check(api_->create_pipeline_layout(device_, &info, nullptr, &layout), "a pipeline layout");
  return made = own(layout, api_->destroy_pipeline_layout);
}

Owned<VkPipeline> Device::compile(Shader shader, const std::vector<std::uint32_t>& constants,
                                  VkPipelineCache cache) {
  const ShaderInfo& source = info(shader);
  Owned<VkShaderModule>& module = modules_[shader];
  if (!module.get()) {
    VkShaderModuleCreateInfo module_info{};
    module_info.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
    module_info.codeSize = source.code.size_bytes();
    module_info.pCode = source.code.data();
    VkShaderModule fresh = nullptr;
    check(api_->create_shader(device_, &module_info, nullptr, &fresh), source.name);
    module = own(fresh, api_->destroy_shader);
  }
  std::vector<VkSpecializationMapEntry> entries;
  for (std::uint32_t i = 0; i < constants.size(); ++i) entries.push_back({i, 4 * i, 4});
  const VkSpecializationInfo specialised{static_cast<std::uint32_t>(entries.size()), entries.data(),
                                         constants.size() * sizeof(std::uint32_t), constants.data()};
  VkComputePipelineCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
  info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = module.get();
  info.stage.pName = "main";
  info.stage.pSpecializationInfo = &specialised;
  info.layout = layout(source.bindings).get();
  VkPipeline pipeline = nullptr;
  check(api_->create_pipelines(device_, cache, 1, &info, nullptr, &pipeline), source.name);
  return own(pipeline, api_->destroy_pipeline);
}

Pipeline Device::pipeline(Shader shader, const std::vector<std::uint32_t>& constants) {
  const std::lock_guard lock(pipeline_mutex_);
  Owned<VkPipeline>& made = pipelines_[{shader, constants}];
  if (!made.get()) {
    made = compile(shader, constants, cache_.get());
    cache_grown_ = true;
  }
  const std::uint32_t bindings = info(shader).bindings;
  return {made.get(), layout(bindings).get(), set_layouts_.at(bindings).get()};
}

Moment Device::submit(Lane lane, std::span<const VkCommandBuffer> commands, std::span<const Moment> behind) {
  if (lost_) throw Failure(Errc::unavailable, "Vulkan: " + name_ + " is lost");
  Queue& queue = lane == Lane::transfer && transfer_ ? *transfer_ : *compute_;
  Moment end;
  const VkResult result = loses_ && loses_() ? VK_ERROR_DEVICE_LOST : queue.submit(commands, behind, end);
  if (result != VK_SUCCESS) lose(result);
  return end;
}

void Device::wait(const Moment& moment) const {
  if (!moment.queue) return;
  if (lost_) throw Failure(Errc::unavailable, "Vulkan: " + name_ + " is lost");
  const VkResult result = moment.queue->wait(moment.count, patience_);
  if (result != VK_SUCCESS) lose(result);
}

void Device::settle(const Moment& moment) const noexcept {
  constexpr std::uint64_t kFarewell = 1'000'000'000;  // ns; one that is lost was waited for already
  if (moment.queue) moment.queue->wait(moment.count, lost_ ? kFarewell : patience_);
}

void Device::lose(VkResult result) const {
  lost_ = true;
  throw Failure(Errc::unavailable, "Vulkan: " + name_ + " failed at run time (error " +
                                       std::to_string(static_cast<int>(result)) + ")");
}

}  // namespace dormouse::drivers::vulkan
