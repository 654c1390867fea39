#include "drivers/all_drivers.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>
#include <vector>

#include "config/log.h"
#include "drivers/measured.h"
#include "drivers/table.h"
#include "drivers/vulkan/open.h"
#include "drivers/watched.h"
#include "drivers/xnnpack/driver.h"

namespace dormouse::drivers {
namespace {

using xnnpack::XnnpackDriver;
using Drivers = std::vector<const engine::Driver*>;

/// How long a plan may take to measure how its products are best cut: no more than a request may wait, or
/// what is little beside the work to come.
constexpr auto kTuning = std::chrono::milliseconds(400);
constexpr auto kThoroughTuning = std::chrono::seconds(4);

/// A device, or why it is none.
struct Gpu {
  const WatchedDriver* driver = nullptr;
  std::string why = {};
};

/// The device of that name, opened once, and told of in the log. Files are kept beside `beside`, unless it is
/// empty. `asked`: by name, so that it is missed where it does not work.
Gpu gpu(const std::string& device, const std::filesystem::path& cache, const std::filesystem::path& beside,
        bool thorough, bool asked) {
  static std::mutex mutex;
  static auto& opened = *new std::map<std::string, Gpu>;
  const std::lock_guard lock(mutex);
  const auto [entry, fresh] = opened.try_emplace(device);
  if (!fresh) return entry->second;
  const auto found = vulkan::open_driver({.device = device,
                                          .cache = cache,
                                          .tiles = beside.empty() ? beside : beside.parent_path() / "tiles",
                                          .tuning = thorough ? kThoroughTuning : kTuning});
  Gpu& one = entry->second;
  if (found) {
    one.driver = new WatchedDriver(*found->driver, found->device, found->identity);
    return one;
  }
  one.why = found.error().context;
  log(asked ? Level::warning : Level::info,
      "vulkan: not used" + std::string(asked ? ", the CPU computes: " : ": ") + one.why);
  return one;
}

std::string named_by_environment() {
  const char* const device = std::getenv("DORMOUSE_VULKAN_DEVICE");
  return device ? device : "";
}

/// So many threads on one inference that look for work instead of going to sleep, where there are cores for
/// them: else they would wait for each other's.
bool may_spin(std::size_t threads) { return threads > 1 && threads <= std::thread::hardware_concurrency(); }

/// Those of the CPU, and before them the device that the environment names.
struct Here {
  Drivers all, cpu;
};

Here working_here(const XnnpackDriver::Options& options) {
  Here here;
  if (xnnpack::works_here()) here.cpu.push_back(new XnnpackDriver(options));
  if (const std::string device = named_by_environment(); !device.empty())
    if (const engine::Driver* const driver =
            gpu(device, options.packed, options.packed, options.packed.empty(), true).driver)
      here.all.push_back(driver);
  here.all.insert(here.all.end(), here.cpu.begin(), here.cpu.end());
  return here;
}

const Here& shared(const XnnpackDriver::Options& options) {
  using Key = std::tuple<std::size_t, bool, std::filesystem::path>;
  static std::mutex mutex;
  static auto& tables = *new std::map<Key, Here>;
  const std::lock_guard lock(mutex);
  const auto [table, fresh] = tables.try_emplace(Key{options.threads, options.spin, options.packed});
  if (fresh) table->second = working_here(options);
  return table->second;
}

/// What a kernel driver of a GPU puts into /dev. Without any there is none, and no loader need be opened.
bool is_there_a_gpu() {
  constexpr std::string_view names[] = {"nvidia", "nvhost", "nvmap", "mali", "kgsl", "pvr", "dxg"};
  std::error_code none;
  if (std::filesystem::exists("/dev/dri", none)) return true;
  for (const auto& entry : std::filesystem::directory_iterator("/dev", none)) {
    const std::string file = entry.path().filename();
    if (std::ranges::any_of(names, [&](std::string_view name) { return file.starts_with(name); }))
      return true;
  }
  return false;
}

/// The table's device, or why there is none.
void look_for_gpu(DriverTable& table, std::span<const Choice> choices, const TableOptions& options) {
  const auto wants = [&](Choice choice) { return std::ranges::find(choices, choice) != choices.end(); };
  if (!wants(Choice::vulkan) && !wants(Choice::automatic)) return;
  const std::string device = options.device.empty() ? named_by_environment() : options.device;
  const bool asked = wants(Choice::vulkan) || !device.empty();
  if (asked || (vulkan::kBuiltIn && is_there_a_gpu())) {
    const Gpu found = gpu(device, options.packed, options.measured, options.busy || options.thorough, asked);
    table.gpu = found.driver;
    table.no_gpu = found.why;
  } else {
    table.no_gpu = vulkan::kBuiltIn ? "no device of a GPU in /dev" : "this program was built without Vulkan";
    log(Level::debug, "vulkan: not used: " + table.no_gpu);
  }
  table.missed = asked && !table.gpu;
}

/// One for those that share a device, a file and the CPU's threads, so that they measure once.
const MeasuredDriver* measured(const DriverTable& table, const TableOptions& options) {
  using Key = std::tuple<const WatchedDriver*, std::vector<const engine::Driver*>, std::filesystem::path>;
  static std::mutex mutex;
  static auto& files = *new std::map<std::filesystem::path, Measurements>;
  static auto& opened = *new std::map<Key, const MeasuredDriver*>;
  const std::lock_guard lock(mutex);
  const MeasuredDriver*& driver = opened[{table.gpu, table.cpu, options.measured}];
  if (!driver) {
    Measurements& file = files.try_emplace(options.measured, options.measured).first->second;
    driver = new MeasuredDriver(*table.gpu, table.cpu, options.threads, file);
  }
  return driver;
}

}  // namespace

std::span<const engine::Driver* const> all_drivers(std::size_t threads, const std::filesystem::path& packed) {
  return shared({.threads = threads, .packed = packed}).all;
}

std::span<const engine::Driver* const> busy_drivers(std::size_t threads) {
  return shared({.threads = threads, .spin = may_spin(threads)}).all;
}

DriverTable open_table(const TableOptions& options, std::span<const Choice> choices) {
  const bool spin = options.busy && may_spin(options.threads);
  // First: the drivers of the CPU come with the device that the environment names, which knows no file.
  DriverTable table;
  look_for_gpu(table, choices, options);
  table.cpu = shared({.threads = options.threads, .spin = spin, .packed = options.packed}).cpu;
  if (table.gpu) table.measured = measured(table, options);
  return table;
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
