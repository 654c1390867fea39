#include "drivers/all_drivers.h"

#include <map>
#include <mutex>
#include <vector>

#include "drivers/xnnpack/driver.h"

namespace dormouse::drivers {
namespace {

std::vector<const engine::Driver*> working_here(std::size_t threads) {
  std::vector<const engine::Driver*> working;
  if (xnnpack::works_here()) working.push_back(new xnnpack::XnnpackDriver({.threads = threads}));
  return working;
}

}  // namespace

std::span<const engine::Driver* const> all_drivers(std::size_t threads) {
  static std::mutex mutex;
  static auto& tables = *new std::map<std::size_t, std::vector<const engine::Driver*>>;
  const std::lock_guard lock(mutex);
  const auto [table, fresh] = tables.try_emplace(threads);
  if (fresh) table->second = working_here(threads);
  return table->second;
}

}  // namespace dormouse::drivers
