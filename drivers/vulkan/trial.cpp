#include "drivers/vulkan/trial.h"

#include <algorithm>

#include "drivers/vulkan/descriptors.h"

namespace dormouse::drivers::vulkan {
namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds kRun = std::chrono::microseconds(500);
constexpr std::size_t kMostTimes = 40, kRuns = 3;

std::size_t aligned(std::size_t bytes) { return (bytes + 255) / 256 * 256; }

void wait_for_writes(const DeviceApi& api, VkCommandBuffer commands, VkPipelineStageFlags from) {
  VkMemoryBarrier memory{};
  memory.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  memory.srcAccessMask =
      from == VK_PIPELINE_STAGE_TRANSFER_BIT ? VK_ACCESS_TRANSFER_WRITE_BIT : VK_ACCESS_SHADER_WRITE_BIT;
  memory.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
  api.barrier(commands, from, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &memory, 0, nullptr, 0, nullptr);
}

}  // namespace

Trial::Trial(Device& device, std::span<const std::size_t> slots)
    : device_(device), stopwatch_(device, 2), commands_(device) {
  std::size_t all = 0;
  for (const std::size_t bytes : slots) {
    slots_.push_back({all, std::max<std::size_t>(bytes, 16)});
    all += aligned(slots_.back().bytes);
  }
  memory_ = device.allocate(all, Device::Use::device);
  commands_.begin();
  device.api().fill(commands_.get(), memory_.buffer.get(), 0, VK_WHOLE_SIZE, 0x3c000000);  // 1/128 each
  wait_for_writes(device.api(), commands_.get(), VK_PIPELINE_STAGE_TRANSFER_BIT);
  commands_.end();
  commands_.run();
}

nanoseconds Trial::time(std::span<const Call> calls, nanoseconds enough) {
  std::vector<Pipeline> pipelines;
  for (const Call& call : calls) pipelines.push_back(device_.pipeline(call.shader, call.constants));
  const auto where = [&](Slot slot) {
    return VkDescriptorBufferInfo{memory_.buffer.get(), slots_[slot].offset, slots_[slot].bytes};
  };
  const Descriptors descriptors(device_, calls, pipelines, where);
  const nanoseconds first = run(calls, pipelines, descriptors.sets(), 1);
  if (first > enough) return first;
  const std::size_t times = std::clamp<std::size_t>(
      static_cast<std::size_t>(kRun / std::max(first, nanoseconds(1))), 1, kMostTimes);
  nanoseconds least = first;
  for (std::size_t i = 0; i < kRuns; ++i)
    least = std::min(least, run(calls, pipelines, descriptors.sets(), times));
  return least;
}

nanoseconds Trial::run(std::span<const Call> calls, std::span<const Pipeline> pipelines,
                       std::span<const VkDescriptorSet> sets, std::size_t times) {
  const DeviceApi& api = device_.api();
  commands_.begin();
  stopwatch_.reset(commands_.get());
  stopwatch_.mark(commands_.get(), 0);
  for (std::size_t n = 0; n < times; ++n)
    for (std::size_t i = 0; i < calls.size(); ++i) {
      dispatch(api, commands_.get(), calls[i], pipelines[i], sets[i]);
      wait_for_writes(api, commands_.get(), VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT);
    }
  stopwatch_.mark(commands_.get(), 1);
  commands_.end();
  commands_.run();
  const auto laps = stopwatch_.laps();
  if (laps.empty()) throw Failure(Errc::unavailable, "the device does not tell how long it took");
  return laps[0] / static_cast<std::int64_t>(times);
}

}  // namespace dormouse::drivers::vulkan
