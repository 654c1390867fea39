#include "drivers/all_drivers.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>
#include <vector>

#include "drivers/vulkan/open.h"
#include "drivers/xnnpack/driver.h"

namespace dormouse::drivers {
namespace {

using xnnpack::XnnpackDriver;

/// One for all tables: the device that $DORMOUSE_VULKAN_DEVICE names, if it does.
const engine::Driver* asked_for(const std::filesystem::path& cache) {
  static const engine::Driver* const driver = [&]() -> const engine::Driver* {
    const char* const device = std::getenv("DORMOUSE_VULKAN_DEVICE");
    return device && *device ? vulkan::open_driver(device, cache) : nullptr;
  }();
  return driver;
}

std::vector<const engine::Driver*> working_here(const XnnpackDriver::Options& options) {
  std::vector<const engine::Driver*> working;
  if (const engine::Driver* const gpu = asked_for(options.packed)) working.push_back(gpu);
  if (xnnpack::works_here()) working.push_back(new XnnpackDriver(options));
  return working;
}

std::span<const engine::Driver* const> shared(const XnnpackDriver::Options& options) {
  using Key = std::tuple<std::size_t, bool, std::filesystem::path>;
  static std::mutex mutex;
  static auto& tables = *new std::map<Key, std::vector<const engine::Driver*>>;
  const std::lock_guard lock(mutex);
  const auto [table, fresh] = tables.try_emplace(Key{options.threads, options.spin, options.packed});
  if (fresh) table->second = working_here(options);
  return table->second;
}

}  // namespace

std::span<const engine::Driver* const> all_drivers(std::size_t threads, const std::filesystem::path& packed) {
  return shared({.threads = threads, .packed = packed});
}

std::span<const engine::Driver* const> busy_drivers(std::size_t threads) {
  const bool room =
      threads <= std::thread::hardware_concurrency();  // else they would wait for each other's cores
  return shared({.threads = threads, .spin = threads > 1 && room});
}

std::span<const std::string_view> built_in() {
  static constexpr std::string_view names[] = {"vulkan", "xnnpack", "reference"};
  return std::span(names).subspan(vulkan::kBuiltIn ? 0 : 1);
}

std::filesystem::path cache_folder() {
  const auto absolute = [](const char* name) {  // XDG: a relative one is to be ignored
    const char* const value = std::getenv(name);
    return value && *value == '/' ? std::filesystem::path(value) : std::filesystem::path();
  };
  if (const auto cache = absolute("XDG_CACHE_HOME"); !cache.empty()) return cache / "dormouse" / "packed";
  const auto home = absolute("HOME");
  return home.empty() ? home : home / ".cache" / "dormouse" / "packed";
}

}  // namespace dormouse::drivers
