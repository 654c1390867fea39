#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "drivers/choice.h"
#include "engine/driver.h"

namespace dormouse::drivers {

class MeasuredDriver;
class WatchedDriver;

/// The drivers that work on this machine, for models to choose from. Borrowed for the process's life.
struct DriverTable {
  DriverTable() = default;
  /// All of them are taken for the CPU's: they are chosen as they are.
  DriverTable(std::span<const engine::Driver* const> drivers) : cpu(drivers.begin(), drivers.end()) {}

  std::vector<const engine::Driver*> cpu;
  const WatchedDriver* gpu = nullptr;        ///< null: there is none, or nobody may choose it
  const MeasuredDriver* measured = nullptr;  ///< the same where it pays
  std::string no_gpu = {};                   ///< why there is none; empty: nobody looked for one
  bool missed = false;                       ///< none, though it was asked for by name

  /// Best first, as sessions take them. A driver that is not here is left out.
  std::vector<const engine::Driver*> chosen(Choice choice) const;
};

/// How drivers are opened.
struct TableOptions {
  std::size_t threads = 1;            ///< on one inference
  bool busy = false;                  ///< as busy_drivers()
  std::filesystem::path packed = {};  ///< as all_drivers(); compiled shaders are kept there, too
  /// A file of what Choice::automatic measured; how a GPU is best to cut products is kept in `tiles` beside
  /// it. Empty: neither is kept.
  std::filesystem::path measured = {};
  bool thorough = false;  ///< that is measured for some seconds a plan, not some tenths; so if busy
  /// Of a GPU: as VulkanDriver::Options. Empty: what $DORMOUSE_VULKAN_DEVICE names, else any GPU.
  std::string device = {};
};

/// The table from which `choices` can be served: a GPU is looked for, and tried in a child process, when one
/// of them may take it. One that was asked for (by name, or by Choice::vulkan) and does not work is told of
/// by a warning in the log. A device is opened once in a process. Thread-safe.
DriverTable open_table(const TableOptions& options, std::span<const Choice> choices);

}  // namespace dormouse::drivers
