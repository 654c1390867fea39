#include "drivers/all_drivers.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

#include "drivers/xnnpack/driver.h"

namespace dormouse::drivers {
namespace {

std::vector<const engine::Driver*> working_here(std::size_t threads, const std::filesystem::path& packed) {
  std::vector<const engine::Driver*> working;
  if (xnnpack::works_here())
    working.push_back(new xnnpack::XnnpackDriver({.threads = threads, .packed = packed}));
  return working;
}

}  // namespace

std::span<const engine::Driver* const> all_drivers(std::size_t threads, const std::filesystem::path& packed) {
  using Key = std::pair<std::size_t, std::filesystem::path>;
  static std::mutex mutex;
  static auto& tables = *new std::map<Key, std::vector<const engine::Driver*>>;
  const std::lock_guard lock(mutex);
  const auto [table, fresh] = tables.try_emplace(Key{threads, packed});
  if (fresh) table->second = working_here(threads, packed);
  return table->second;
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
