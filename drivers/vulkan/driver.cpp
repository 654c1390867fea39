#include "drivers/vulkan/driver.h"

#include <algorithm>
#include <string>

#include "config/log.h"
#include "drivers/vulkan/foreseen.h"
#include "drivers/vulkan/kernel.h"
#include "drivers/vulkan/operands.h"
#include "drivers/vulkan/program.h"
#include "drivers/vulkan/tuner.h"

namespace dormouse::drivers::vulkan {
namespace {

using engine::DType;
using engine::ValueInfo;

constexpr std::int64_t kMostElements = std::int64_t{1} << 30;

/// Known, with elements, and no more than a device reads at once.
bool has_extents(const ValueInfo& value, const Device& device) {
  if (!value.shape_known || !value.shape.is_static()) return false;
  std::int64_t elements = 1;
  for (const std::int64_t extent : value.shape) {
    if (extent <= 0 || extent > kMostElements / elements) return false;
    elements *= extent;
  }
  return device_bytes(elements) <= device.limits().maxStorageBufferRange;
}

bool of_device(const ValueInfo& value, const Kernel& kernel, bool integers) {
  if (value.dtype == DType::f32) return true;
  if (value.dtype == DType::boolean) return kernel.booleans;
  if (value.dtype == DType::f16) return kernel.halves;
  return integers && (value.dtype == DType::i32 || value.dtype == DType::i64);
}

}  // namespace

VulkanDriver::VulkanDriver(const Options& options)
    : device_(std::make_unique<Device>(DeviceOptions{.choice = options.device,
                                                     .cache = options.cache,
                                                     .staged = options.staged,
                                                     .memory = options.memory,
                                                     .before_allocation = options.before_allocation,
                                                     .loses = options.loses,
                                                     .plain = options.plain,
                                                     .matrices = options.matrices})),
      constants_(std::make_unique<Constants>(*device_)),
      tuner_(std::make_unique<Tuner>(
          *device_, Tuner::Options{options.tiles,
                                   options.tunes_any || !device_->is_cpu() ? options.tuning
                                                                           : std::chrono::nanoseconds(0),
                                   options.tile})),
      sent_(std::make_unique<Sent>(*device_)) {}

VulkanDriver::~VulkanDriver() = default;

const std::string& VulkanDriver::device_name() const { return device_->name(); }

std::vector<Tile> VulkanDriver::tiles() const { return tuner_->tiles(); }

std::string VulkanDriver::device_identity() const { return device_->name() + " " + device_->uuid(); }

std::string_view VulkanDriver::halves() const {
  constexpr std::string_view words[] = {"f32", "f16", "f16 matrices"};
  return words[static_cast<std::size_t>(device_->multiplies_halves())];
}

bool VulkanDriver::unified() const { return device_->unified(); }

bool VulkanDriver::supports(const engine::Graph& graph, const engine::Node& node) const {
  const Kernel* const kernel = find_kernel(*node.op);
  if (!kernel || device_->lost()) return false;
  bool runs = kernel->constant;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == engine::kAbsent) continue;
    const ValueInfo& value = graph.value(node.inputs[i]);
    const bool of_shape = (kernel->shapes >> i & 1) != 0;
    runs |= !value.constant.has_value();
    if (value.constant && !kernel->express) continue;  // the kernel judges
    if (of_shape && value.shape_known && value.shape.is_static()) continue;
    if (!has_extents(value, *device_)) return false;
    if (!of_device(value, *kernel, (kernel->integers >> i & 1) != 0)) return false;
  }
  const bool outputs = std::ranges::all_of(node.outputs, [&](engine::ValueId id) {
    return id == engine::kAbsent ||
           (has_extents(graph.value(id), *device_) && of_device(graph.value(id), *kernel, false));
  });
  if (!runs || !outputs || (kernel->supports && !kernel->supports(graph, node))) return false;
  if (!kernel->express) return true;
  Expression alone(graph, graph.value(node.outputs[0]).shape);
  kernel->express(alone, graph, node);
  return alone.fits([](engine::ValueId) { return true; });
}

bool VulkanDriver::worthwhile(const engine::Partition& partition) const try {
  const auto alone = [&](std::size_t node) { return find_kernel(*partition.graph->nodes()[node].op)->alone; };
  if (std::ranges::none_of(partition.nodes, alone)) return false;
  const Foreseen foreseen = vulkan::foresee(partition, *device_, *constants_, *tuner_);
  const std::size_t needed = foreseen.missing + foreseen.arena + foreseen.kept, room = device_->room();
  if (needed > room)
    throw Failure(Errc::too_large, "it takes " + std::to_string(needed >> 20) + " MiB on " + device_->name() +
                                       ", which has " + std::to_string(room >> 20) + " MiB left");
  return true;
} catch (const Failure& failure) {
  log(Level::warning, "vulkan: a part of a model (" + std::to_string(partition.nodes.size()) +
                          " operators) is left to the CPU: " + failure.error().context);
  return false;
}

std::shared_ptr<engine::Workspace> VulkanDriver::open_workspace() const {
  return std::make_shared<Workspace>(*device_);
}

std::unique_ptr<engine::Program> VulkanDriver::compile(const engine::Partition& partition,
                                                       engine::Workspace& workspace, bool measure) const {
  auto program = std::make_unique<Program>(partition, *device_, *constants_, *tuner_,
                                           static_cast<Workspace&>(workspace), measure);
  device_->save_pipelines();
  return program;
}

engine::ProgramMemory VulkanDriver::foresee(const engine::Partition& partition) const {
  const Foreseen foreseen = vulkan::foresee(partition, *device_, *constants_, *tuner_);
  if (!device_->unified()) return {.own = foreseen.carried};
  return {.weights = foreseen.weights, .workspace = foreseen.arena};
}

bool VulkanDriver::tuned(const engine::Partition& partition) const try {
  return vulkan::foresee(partition, *device_, *constants_, *tuner_).tuned;
} catch (const Failure&) {
  return false;
}

engine::Tensor VulkanDriver::sent(const engine::Tensor& tensor) const try {
  constexpr std::size_t kLeast = 1 << 20;  // less is sent sooner than another thread is told of it
  const engine::DType type = tensor.dtype();
  const bool known = type == DType::f32 || type == DType::boolean || type == DType::i32 || type == DType::i64;
  if (device_->unified() || device_->lost() || !known || tensor.byte_size() < kLeast || is_resident(tensor))
    return tensor;
  return sent_->send(tensor);
} catch (const Failure&) {
  return tensor;  // who computes with it will find out
}

std::size_t VulkanDriver::allocated() const { return device_->allocated(); }

std::size_t VulkanDriver::copies() const { return device_->copies(); }

bool is_resident(const engine::Tensor& tensor) {
  return dynamic_cast<const Resident*>(tensor.buffer().get()) != nullptr;
}

std::vector<std::string_view> kernel_names() {
  std::vector<std::string_view> names;
  for (const Kernel* const kernel : all_kernels()) names.push_back(kernel->op);
  return names;
}

}  // namespace dormouse::drivers::vulkan
