#include "drivers/vulkan/stopwatch.h"

#include <cmath>

namespace dormouse::drivers::vulkan {

Stopwatch::Stopwatch(const Device& device, std::uint32_t places) : device_(device), places_(places) {
  VkQueryPoolCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
  info.queryType = VK_QUERY_TYPE_TIMESTAMP;
  info.queryCount = places;
  VkQueryPool pool = nullptr;
  check(device.api().create_query_pool(device.get(), &info, nullptr, &pool), "a query pool");
  pool_ = device.own(pool, device.api().destroy_query_pool);
}

void Stopwatch::reset(VkCommandBuffer commands) const {
  device_.api().reset_queries(commands, pool_.get(), 0, places_);
}

void Stopwatch::mark(VkCommandBuffer commands, std::uint32_t i) const {
  device_.api().timestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool_.get(), i);
}

std::vector<std::chrono::nanoseconds> Stopwatch::laps() const {
  std::vector<std::uint64_t> ticks(places_);
  const VkResult result =
      device_.api().query_results(device_.get(), pool_.get(), 0, places_, ticks.size() * sizeof(ticks[0]),
                                  ticks.data(), sizeof(ticks[0]), VK_QUERY_RESULT_64_BIT);
  std::vector<std::chrono::nanoseconds> laps;
  if (result != VK_SUCCESS) return laps;
  for (std::size_t i = 1; i < ticks.size(); ++i) {
    const double ns = static_cast<double>(ticks[i] - ticks[i - 1]) * double{device_.limits().timestampPeriod};
    laps.emplace_back(std::llround(ns));
  }
  return laps;
}

}  // namespace dormouse::drivers::vulkan
