#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace dormouse::daemon {

/// What the board says of its power and its heat, read from sysfs each time it is asked. Thread-safe.
class Board {
 public:
  /// `sys`: where sysfs is mounted (a test makes its own).
  explicit Board(std::filesystem::path sys = "/sys") : sys_(std::move(sys)) {}

  /// A battery of the board discharges and nothing feeds it. Batteries of mice and pens do not count; false
  /// where there is no battery.
  bool on_battery() const;
  /// The hottest thermal zone in °C; nothing where none can be read.
  std::optional<double> temperature() const;
  /// RAPL's counter of the first CPU package in µJ; nothing where there is none, or only root may read it.
  std::optional<std::uint64_t> package_energy() const;
  /// Where that counter starts anew, in µJ.
  std::uint64_t package_energy_range() const;

 private:
  std::filesystem::path sys_;
};

/// The energy that a thread's work takes. Lives on that thread.
///
/// With RAPL: what the whole package drew meanwhile, other work included. Without: the thread's CPU time at
/// `watts`.
class EnergyMeter {
 public:
  EnergyMeter(const Board& board, double watts);

  /// Joules since the meter was made; call it at least every half hour, for RAPL's counter comes round.
  double joules();
  /// "RAPL, the whole package", or "estimated: 3.1 CPU seconds at 4 W".
  std::string source() const;

 private:
  const Board& board_;
  double watts_;
  double cpu_start_;
  std::optional<std::uint64_t> last_;
  double drawn_ = 0;  ///< by RAPL
};

/// CPU seconds of the calling thread.
double thread_cpu_seconds();

}  // namespace dormouse::daemon
